"""Charts about training: what is drawn, and what is not joined."""

import io
import math

from PIL import Image

from msrnet_cli import charts
from msrnet_cli.charts import Curve


def drawn(points, log=False):
    """Where on the chart a curve of these points leaves colour: x, y."""
    data = charts.curves([("title", [Curve("", points)], log)])
    image = Image.open(io.BytesIO(data)).convert("RGB")
    blue = charts._COLOURS[0]
    body = range(40, image.height - 30)
    places = ((x, y) for x in range(image.width) for y in body)
    return {place for place in places if image.getpixel(place) == blue}


def drawn_columns(points):
    return {x for x, _ in drawn(points)}


def test_points_are_joined():
    columns = drawn_columns(((0, 0.0), (50, 1.0), (100, 0.5)))
    assert max(columns) - min(columns) + 1 == len(columns)


def test_a_gap_is_not_drawn_over():
    whole = ((0, 0.0), (40, 1.0), (60, 0.2), (100, 0.5))
    broken = (*whole[:2], (60, math.nan), *whole[2:])
    missing = drawn_columns(whole) - drawn_columns(broken)
    assert len(missing) > 100


def test_logarithms_that_cross_zero_are_drawn_as_they_are():
    falling = ((0, 1.0), (50, -0.5), (100, -1.0))
    assert drawn(falling, log=True) == drawn(falling)
    steep = ((0, 1.0), (50, 0.1), (100, 0.001))
    assert drawn(steep, log=True) != drawn(steep)


def test_nothing_to_draw_is_no_error():
    assert drawn_columns(()) == set()
    assert drawn_columns(((0, math.nan),)) == set()
