"""tests/examples/ctest, in which ctest traces GoogleTest's tests, and memory limits are tests themselves. It is built as a user
would build it, with an installed libtrace. For a program that leaks, a test fails and names the line."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import clean_environment

EXAMPLE = pathlib.Path(__file__).resolve().parents[1] / "examples" / "ctest"


@pytest.fixture(scope="module")
def prefix(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", build.root, "--prefix", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def ctest(prefix, tmp_path):
    """ctest(options of cmake): builds the example and runs its tests; returns the names of those that failed, and the
    output."""
    if not pathlib.Path("/usr/include/gtest/gtest.h").exists() or not shutil.which("pkg-config"):
        pytest.skip("no libgtest-dev (scripts/setup brings it)")
    env = clean_environment({"PATH": f"{prefix}/bin:{os.environ['PATH']}", "PKG_CONFIG_PATH": prefix / "lib/pkgconfig",
                             "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": EXAMPLE.parents[2]})

    def run(*options):
        for command in (["cmake", "-S", EXAMPLE, "-B", tmp_path, *options], ["cmake", "--build", tmp_path]):
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
        done = subprocess.run(["ctest", "--test-dir", tmp_path, "--output-on-failure"], env=env, capture_output=True, text=True, timeout=300)
        failed = {line.split(" - ")[1].split()[0] for line in done.stdout.splitlines() if line.strip().endswith("(Failed)")}
        assert (done.returncode == 0) == (not failed), done.stdout + done.stderr
        return failed, done.stdout

    return run


def test_as_it_should_be(ctest):
    failed, out = ctest()
    assert failed == set() and "100% tests passed, 0 tests failed out of 4" in out, out


def test_forgetful(ctest):
    """The program's own tests pass; the tests of what is left at the end fail and name the line, for GitHub, too."""
    failed, out = ctest("-DFORGETFUL=ON")
    assert failed == {"words.leaks", "words.counts"}, out
    line = 1 + (EXAMPLE / "words.cc").read_text().split("\n").index("    new std::string(text); // nobody will ever delete it")
    assert f"words.cc:{line}  count_words" in out, out
    assert f"::error file=tests/examples/ctest/words.cc,line={line},title=live at the end above its limit::" in out, out
