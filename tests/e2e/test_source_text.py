"""Reports show source lines from files that the database names. For a run that was recorded here they
always do; for one from elsewhere only files below the current directory, unless an option allows more."""

import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from conftest import clean_environment, rows

SECRET = "the secret of line one"
PROGRAM = """#include <stdlib.h>
void *block;
int main(void)
{
    block = malloc(123); /* told by the source */
    return block == NULL;
}
"""


@pytest.fixture
def recorded(trace, tmp_path):
    """A run of a program whose source is tmp_path/tree/program.c, recorded into tmp_path/tree/trace.db."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "program.c").write_text(PROGRAM)
    os.utime(tree / "program.c", (1e9, 1e9))
    subprocess.run(["gcc", "-g", "-w", "-o", tree / "program", tree / "program.c"], check=True)
    traced = trace([tree / "program"], db=tree / "trace.db", cwd=tree)
    if not rows(tree / "trace.db", "SELECT 1 FROM sqlite_schema WHERE name = 'origin'"):
        pytest.skip("this file system does not tell when a file was made")
    assert traced.run["allocations"] == 1
    return tree


def name(database, path):
    """Changes the database so that its line is the first one of another file."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE line SET file = ?, line = 1 WHERE file LIKE '%program.c'", (str(path),))
    connection.commit()
    connection.close()


def secret(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{SECRET}\n")
    os.utime(path, (1e9, 1e9))
    return path


FEW = (["top"], ["html", "-o", "-"])
ALL = (*FEW, ["top", "--json"], ["top", "--group", "stack"], ["leaks"], ["leaks", "--json"], ["summary"],
       ["summary", "--json"], ["temporary", "--json"])


@pytest.fixture
def shown(build, tmp_path):
    """shown(database, cwd, options...): everything that reports print and write about it."""

    def run(database, cwd, *options, whole=False):
        texts = []
        for command in ALL if whole else FEW:
            done = subprocess.run([build.command("trace-report"), *command, "--db", database, *options],
                                  env=clean_environment({"COLUMNS": "500"}), cwd=cwd, capture_output=True, text=True,
                                  timeout=60)
            if "was built without the page" in done.stderr:
                pytest.skip("built without node and npm: there is no page")
            assert done.returncode == 0, done.stderr
            if command[-1] == "--json":
                json.loads(done.stdout)
            texts.append(done.stdout)
        return texts

    return run


def how_many(texts, text):
    return sum(text in one for one in texts)


def test_ones_own_is_shown_from_anywhere(recorded, shown, tmp_path):
    assert how_many(shown(recorded / "trace.db", "/", whole=True), "told by the source") >= 7
    # Another name for the same file, and more runs in it, change nothing.
    shutil.move(recorded / "trace.db", tmp_path / "moved.db")
    assert how_many(shown(tmp_path / "moved.db", tmp_path), "told by the source") == 2


def test_one_from_elsewhere_is_shown_in_its_tree(recorded, shown, tmp_path):
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for here in ("/", elsewhere):
        assert how_many(shown(copy, here, whole=True), "told by the source") == 0
    assert how_many(shown(copy, recorded, whole=True), "told by the source") >= 7
    assert how_many(shown(copy, elsewhere, "--source", recorded), "told by the source") == 2
    assert how_many(shown(copy, elsewhere, "--source", "../tree"), "told by the source") == 2
    assert how_many(shown(copy, elsewhere, "--source", "any"), "told by the source") == 2
    assert how_many(shown(copy, recorded, "--source", elsewhere), "told by the source") == 0


def test_the_tree_may_lie_elsewhere_by_now(recorded, shown, tmp_path):
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    shutil.move(recorded, tmp_path / "renamed")
    assert how_many(shown(copy, tmp_path, "--source", "renamed"), "told by the source") == 2
    assert how_many(shown(copy, tmp_path), "told by the source") == 0


@pytest.mark.parametrize("where", ("outside/secret.c", "tree/id_rsa", "tree/.hidden.c", "tree/notes.txt", "tree/../outside/a.c",
                                   "outside/by-link.c", "outside/below-link/a.c"))
def test_a_strangers_names_lead_nowhere(where, recorded, shown, tmp_path):
    """Files that the reader may read, but that are not source below the current directory."""
    if where == "outside/by-link.c":
        os.symlink(secret(tmp_path / where), recorded / "link.c")
        path = recorded / "link.c"
    elif where == "outside/below-link/a.c":
        secret(tmp_path / where)
        os.symlink(tmp_path / "outside" / "below-link", recorded / "sub")
        path = recorded / "sub" / "a.c"
    else:
        secret(tmp_path / where)
        path = f"{tmp_path}/{where}"
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    name(copy, path)
    assert how_many(shown(copy, recorded), SECRET) == 0
    assert how_many(shown(copy, recorded, "--source", "."), SECRET) == 0
    assert how_many(shown(copy, recorded, "--source", "any"), SECRET) == 2


def test_links_within_the_tree(recorded, shown, tmp_path):
    secret(recorded / "real" / "a.c")
    os.symlink("real", recorded / "sub")
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    name(copy, recorded / "sub" / "a.c")
    assert how_many(shown(copy, recorded), SECRET) == 2


def test_its_own_word_for_the_root_is_not_taken(recorded, shown, tmp_path):
    """The place where the run was recorded does not matter: an attacker cannot know where the file will be
    with us."""
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    name(copy, secret(tmp_path / "outside" / "secret.c"))
    connection = sqlite3.connect(copy)
    connection.execute("UPDATE run SET root = ?", (str(tmp_path / "outside"),))
    connection.execute("DROP TABLE origin")
    connection.execute("CREATE VIEW origin AS SELECT id AS run, inode, born_ns FROM run, (WITH RECURSIVE n(i) AS (SELECT 1"
                       " UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT i AS inode, i AS born_ns FROM n)")
    connection.commit()
    connection.close()
    assert how_many(shown(copy, recorded), SECRET) == 0


def test_a_file_that_was_overwritten(recorded, shown, trace, build, tmp_path):
    """The same name as before, but the contents came from elsewhere."""
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    name(copy, secret(tmp_path / "outside" / "secret.c"))
    trace([build.target("hello")], db=tmp_path / "own.db")
    inode = os.stat(tmp_path / "own.db").st_ino
    shutil.copyfile(copy, tmp_path / "own.db")
    assert os.stat(tmp_path / "own.db").st_ino == inode
    assert how_many(shown(tmp_path / "own.db", recorded), SECRET) == 0


def test_runs_that_were_merged(recorded, shown, trace, build, tmp_path):
    """Those from elsewhere stay what they were, beside one's own."""
    copy = shutil.copy(recorded / "trace.db", tmp_path / "received.db")
    name(copy, secret(tmp_path / "outside" / "secret.c"))
    trace([recorded / "program"], db=tmp_path / "own.db")
    subprocess.run([build.command("trace-report"), "merge", copy, "--db", tmp_path / "own.db"], env=clean_environment(),
                   check=True, capture_output=True, timeout=60)
    assert len(rows(tmp_path / "own.db", "SELECT 1 FROM runs")) == 2
    assert how_many(shown(tmp_path / "own.db", "/"), SECRET) == 0
    done = subprocess.run([build.command("trace-report"), "top", "1", "--db", tmp_path / "own.db"], cwd="/",
                          env=clean_environment({"COLUMNS": "500"}), capture_output=True, text=True, timeout=60)
    assert "told by the source" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_anothers_database(recorded, shown):
    """The file's owner may have changed it since."""
    os.chown(recorded / "trace.db", 65534, 65534)
    assert how_many(shown(recorded / "trace.db", "/"), "told by the source") == 0
