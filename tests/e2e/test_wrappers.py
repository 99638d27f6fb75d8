"""Wrappers that execute another program in their own process: env, nice, scripts. The run is named after that program."""

import pytest

SCRIPTS = {
    "script": '#!/bin/sh\nexec "$@"\n',
    "shim": '#!/usr/bin/env bash\nset -e\nname="$(basename "$0")"\n[ "$(true; echo yes)" = yes ] && exec "$@"\n',
}
WRAPPERS = {
    "env": ["env", "OTHER=1"],
    "nice": ["nice"],
    "shell": ["sh", "-c", 'exec "$0" "$@"'],
    "two": ["nice", "env"],
    "script": ["./script"],
    "shim": ["./shim"],
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_label(wrapper, build, trace, report, tmp_path):
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    traced = trace([*WRAPPERS[wrapper], build.target("hello"), "you"], cwd=tmp_path)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"hello you\n", b"")
    assert traced.run["label"] == "hello"
    assert "run 1 hello" in report(traced.database, "top").stdout


def test_slow_wrapper(build, trace):
    """By the time of the second exec, the first program and its children have been taken in: there are free slots before the
    one that the program has."""
    children = "sleep 0.2 & sleep 0.2 & sleep 0.2 & "
    traced = trace(["sh", "-c", f"{children} exec sh -c 'sleep 3; exec {build.target('hello')}'"])
    assert traced.run["label"] == "hello"


def test_given_label(build, trace):
    traced = trace(["env", "OTHER=1", build.target("hello")], env={"LIBTRACE_LABEL": "mine"})
    assert traced.run["label"] == "mine"


def test_children_name_nothing(build, trace):
    """Programs that are only started, not executed in place, do not change the name."""
    traced = trace(["sh", "-c", f"{build.target('hello')}; env true; exit 0"])
    assert traced.run["label"] == "sh"
