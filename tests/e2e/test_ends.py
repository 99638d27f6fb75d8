"""A few tries of what ends.py does a hundred times each: a report right after the program's end is right."""

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
