"""Errors: one line each, with names as they are, and codes as documented."""

import re

import pytest

from msrnet_cli import errors


def test_a_name_is_told_as_it_is():
    error = errors.PictureError("a  b.png: cut short", "copy 'a  b.png' again")
    assert error.reason == "a  b.png: cut short"
    assert str(error) == "a  b.png: cut short; copy 'a  b.png' again"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\n\n    "])
def test_a_library_s_many_lines_become_one(line_break):
    error = errors.UsageError(f"  no luck:{line_break}at line 3\n")
    assert str(error) == "no luck: at line 3"


def test_without_a_remedy_nothing_follows_the_reason():
    assert str(errors.UsageError("why")) == "why"


def test_every_error_ends_with_the_code_that_its_tree_shows():
    tree = dict(re.findall(r"(\w+Error) +(\d)  ", errors.__doc__))
    assert len(tree) == 6
    for name, code in tree.items():
        assert getattr(errors, name).exit_code == int(code), name
    assert errors.DownloadError.exit_code == errors.WeightsError.exit_code
    assert errors.DeviceError.exit_code == errors.DataError.exit_code == 2
