"""The repository's pages: the files that they name exist, and their tables agree with the programs and manuals."""

import fnmatch
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted(str(page.relative_to(ROOT)) for folder in (".", ".github", "preload", "analyzer", "tests")
               for page in (ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md")))
FOLDERS = ("preload", "analyzer", "include", "tests", "scripts", ".github", ".ci")


def manual(section):
    """The entries of a section of libtrace(7), as [(item, text)]."""
    text = (ROOT / "scripts/man/libtrace.txt").read_text()
    lines = re.search(rf"^{section}:\n((?:  .*\n)+)", text, re.M).group(1).splitlines()
    return [tuple(re.split("  +", line.strip(), maxsplit=1)) for line in lines]


def table(page, heading):
    """The rows of the first table below a heading, in the same form, without the table's own headings."""
    lines = (ROOT / page).read_text().split(f"\n## {heading}\n")[1].splitlines()
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append(tuple(cell.strip().strip("`") for cell in line.strip("|").split(" | ")))
        elif rows:
            break
    return rows[2:]


def test_environment_is_one_table():
    assert len(manual("Environment")) > 8
    assert table("analyzer/REFERENCE.md", "Environment") == manual("Environment")


def test_environment_is_the_programs():
    """The table lists exactly the variables that the programs read, except LIBTRACE_SESSION, which is not for users."""
    read = set()
    for folder in ("preload", "analyzer"):
        for source in (ROOT / folder).rglob("*.c"):
            read |= set(re.findall(r'(?:variable|getenv|setting|number_between)\(\s*"(LIBTRACE_[A-Z_]+|NO_COLOR)"', source.read_text()))
    told = {name for name, _ in manual("Environment")}
    assert len(read) > 6 and read - {"LIBTRACE_SESSION"} <= told, read - told
    sources = "".join(source.read_text() for folder in ("include", "preload", "analyzer") for source in (ROOT / folder).rglob("*.[ch]"))
    assert not [name for name in told if f'"{name}' not in sources]


def test_systems_are_one_table():
    assert len(manual("Systems")) > 4
    assert table("preload/LIMITS.md", "Systems") == manual("Systems")


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 2000


def anchors(page):
    """The anchors that GitHub makes of a page's headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.M)}


@pytest.mark.parametrize("name", PAGES)
def test_links(name):
    page = ROOT / name
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists() and target.is_relative_to(ROOT), f"{name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{name} links to {link}"


def named_paths(text):
    """Paths in the repository, in backticks and in drawings: `analyzer/arena`, `scripts/bench --quick`."""
    start = "|".join(map(re.escape, FOLDERS))
    found = re.findall(rf"(?<![\w./-])(?:\./)?((?:{start})/[\w./*-]*[\w*/])", text)
    return [path for path in found if "NAME" not in path]  # NAME is a placeholder


def named_files(text):
    """Source files, with or without their folder: `drain.c`, collector/drain.c."""
    suffixes = "c|h|py|sql|awk|cmake|def|txt|mjs"
    return set(re.findall(rf"`([\w.-]+\.(?:{suffixes}))`", text)) | set(re.findall(rf"(?<![\w./*-])([\w/-]+/[\w*-]+\.(?:{suffixes}))\b", text))


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [
        str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [name for name in names if name and (ROOT / name).exists()]


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named(name):
    """Every path and every source file that a page names exists."""
    text = (ROOT / name).read_text()
    if name == ".github/CHANGELOG.md":
        return  # it names files of earlier versions
    text = re.sub(r"```.*?```", "", text, flags=re.S)  # the output of programs
    for path in named_paths(text):
        assert list(ROOT.glob(path)) or list((ROOT / name).parent.glob(path)), f"{name} names {path}"
    known = files()
    for file in named_files(text):
        if "NAME" not in file:
            assert [path for path in known if fnmatch.fnmatchcase("/" + path, "*/" + file)], f"{name} names {file}"


def test_what_is_missing_would_be_found():
    text = "see `nowhere.c`, collector/nowhere.c and `analyzer/nowhere/all.c`; `tests/nowhere`"
    assert named_files(text) == {"nowhere.c", "collector/nowhere.c", "analyzer/nowhere/all.c"}
    assert named_paths(text) == ["analyzer/nowhere/all.c", "tests/nowhere"]


def test_index_of_tests_is_whole():
    index = (ROOT / "tests/README.md").read_text()
    tests = [path.name for folder in ("unit", "e2e", "report", "python", "advise") for path in (ROOT / "tests" / folder).glob("test_*.*")]
    assert len(tests) > 80
    missing = [test for test in tests if f"`{test}`" not in index]
    assert not missing, f"tests/README.md lacks a row for {missing}"
