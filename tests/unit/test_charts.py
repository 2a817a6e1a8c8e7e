"""Charts about training: what is drawn, and what is not joined."""

import io
import math

from PIL import Image

from msrnet_cli.images import charts
from msrnet_cli.images.charts import Curve


def drawn_columns(points):
    """Columns of the chart in which a curve of these points leaves colour."""
    data = charts.curves([("title", [Curve("", points)], False)])
    image = Image.open(io.BytesIO(data)).convert("RGB")
    blue = charts._COLOURS[0]
    columns = range(image.width)
    body = range(40, image.height - 30)
    return {x for x in columns if any(image.getpixel((x, y)) == blue for y in body)}


def test_points_are_joined():
    columns = drawn_columns(((0, 0.0), (50, 1.0), (100, 0.5)))
    assert max(columns) - min(columns) + 1 == len(columns)


def test_a_gap_is_not_drawn_over():
    whole = ((0, 0.0), (40, 1.0), (60, 0.2), (100, 0.5))
    broken = (*whole[:2], (60, math.nan), *whole[2:])
    missing = drawn_columns(whole) - drawn_columns(broken)
    assert len(missing) > 100


def test_nothing_to_draw_is_no_error():
    assert drawn_columns(()) == set()
    assert drawn_columns(((0, math.nan),)) == set()
