"""A shard of a very large job begins soon, and in little memory."""

import pytest

from benchmarks import planning

COUNT = 100_000
SECONDS = 60 * COUNT / 1_000_000  # a million inputs: a minute
MOST = 1_000_000_000  # bytes for a million


@pytest.mark.slow
def test_a_shard_of_many_inputs_plans_within_its_bars(tmp_path):
    """Time on a core counts: other programs may be at work on this machine."""
    inputs, listing = planning.make_inputs(tmp_path, COUNT)
    for asked in ((inputs, None), (None, listing)):
        cost = planning.cost(*asked, tmp_path / "out", "3/8")
        assert abs(cost.pictures - COUNT / 8) < 1_000
        assert cost.cpu < SECONDS
        grown = (cost.most - cost.before) * (1_000_000 / COUNT)
        assert cost.before + grown < MOST
