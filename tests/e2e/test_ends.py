"""A few of the tries of ends.py, which makes a hundred each: a report right after the program's end is right."""

import pytest

import ends


@pytest.mark.parametrize("way", ends.WAYS)
def test_report_at_once(way, build, tmp_path):
    if way == "number 1" and not ends.can_unshare():
        pytest.skip("no PID namespace can be made here")
    for number, name in enumerate(("top", "sql", "summary")):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert ends.wrong(build, way, name, folder) == ""
