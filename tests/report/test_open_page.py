"""html --open shows the page in the reader's browser without running a shell; if there is no browser, it prints the path."""

import pytest


@pytest.fixture
def browser(tmp_path):
    """browser(name, status): creates a program that writes down its arguments and exits so; browser.calls() returns them."""
    (tmp_path / "bin").mkdir()
    calls = tmp_path / "calls"

    def make(name, status=0):
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\nfor word; do echo "{name} <$word>" >>"{calls}"; done\nexit {status}\n')
        path.chmod(0o755)
        return path

    make.calls = lambda: calls.read_text().splitlines() if calls.exists() else []
    return make


@pytest.fixture
def open_page(make_db, run, tmp_path):
    make_db("one")

    def go(*arguments, status=0, **env):
        env = {"PATH": tmp_path / "bin", "BROWSER": "", "DISPLAY": "", **env}
        done = run("html", "--open", *arguments, env=env)
        if "was built without the page" in done.stderr:
            pytest.skip("built without node and npm: there is no page")
        assert done.returncode == status, done.stderr
        return done

    return go


@pytest.mark.parametrize("desktop", [{}, {"DISPLAY": ":99"}], ids=str)
def test_opener(browser, open_page, tmp_path, desktop):
    browser("xdg-open")
    done = open_page(**desktop)
    assert browser.calls() == [f"xdg-open <{tmp_path / 'report.html'}>"] and done.stderr == ""
    assert (tmp_path / "report.html").stat().st_size > 10000


def test_browser_comes_first(browser, open_page, tmp_path):
    """BROWSER may list several programs: the first that works is used. %s stands for the file, whose name no shell reads."""
    for name, status in (("xdg-open", 0), ("broken", 3), ("mine", 0)):
        browser(name, status)
    name = "$(touch x) & 'a'.html"
    open_page("-o", name, BROWSER="missing:broken:mine --new %s:xdg-open")
    page = tmp_path / name
    assert browser.calls() == [f"broken <{page}>", "mine <--new>", f"mine <{page}>"]
    assert not (tmp_path / "x").exists() and page.exists()
    (tmp_path / "calls").unlink()
    open_page("-o", "-x.html", BROWSER="mine --page=%s")
    assert browser.calls() == [f"mine <--page={tmp_path / '-x.html'}>"]


def test_none_there(browser, open_page, tmp_path):
    browser("xdg-open", 4)
    done = open_page("-o", "page.html", BROWSER="missing")
    assert done.stderr == "trace-report: nothing here opens it (BROWSER, xdg-open); it is in page.html\n"
    assert (tmp_path / "page.html").exists()
    assert "needs a file" in open_page("-o", "-", status=2).stderr
