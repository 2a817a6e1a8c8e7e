import gc

import pytest

from msrnet_cli.cli.loading import loading


@pytest.fixture(autouse=True)
def _nothing_set_apart():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_no_garbage_is_looked_for_until_all_is_loaded():
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_loaded_is_not_looked_through_again():
    with loading():
        loaded = [[]]
    assert gc.get_freeze_count() > 0
    assert all(loaded is not seen for seen in gc.get_objects())


def test_only_the_first_time_counts_as_loading():
    with loading():
        pass
    frozen = gc.get_freeze_count()
    with loading():
        kept = [[] for _ in range(1000)]
    assert len(kept) > gc.get_freeze_count() - frozen


def test_a_failure_leaves_it_looking_for_garbage():
    with pytest.raises(ValueError, match="no weights"), loading():
        raise ValueError("no weights")
    assert gc.isenabled()
