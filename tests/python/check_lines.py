"""Checks on a traced interpreter that every line that a trace reports exists, in that file and in that function.

    check_lines.py <LINES     lines of "file TAB line TAB function"; prints what is wrong, and how many were right
"""
import os
import re
import sys
import sysconfig

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads", "python"))

LIBRARY = sysconfig.get_paths()["stdlib"]
QUALIFIED = sys.version_info >= (3, 11)
known = {}


def collect(code, functions):
    """The lines of each function in a code object, according to the interpreter itself."""
    lines = functions.setdefault(code.co_qualname if QUALIFIED else code.co_name, set())
    lines.add(code.co_firstlineno)
    if hasattr(code, "co_lines"):
        lines.update(line for _, _, line in code.co_lines() if line is not None)
    else:
        import dis
        lines.update(line for _, line in dis.findlinestarts(code))
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            collect(constant, functions)


def source_of(file):
    made = re.match(r"made-(\d+)$", file)
    if made:
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "..", "workloads", "python", "storm.py"), encoding="utf-8") as storm:
            text = re.search(r'^MADE = """(.*?)"""', storm.read(), re.S | re.M).group(1)
        k = int(made.group(1))
        return "\n" * k + text.replace("{{", "{").replace("}}", "}").replace("{k}", str(k))
    frozen = re.match(r"<frozen (.*)>$", file)
    if frozen:
        name = {"importlib._bootstrap": "importlib/_bootstrap", "importlib._bootstrap_external":
                "importlib/_bootstrap_external"}.get(frozen.group(1), frozen.group(1).replace(".", "/"))
        for path in (name + ".py", name + "/__init__.py"):
            if os.path.exists(os.path.join(LIBRARY, path)):
                file = os.path.join(LIBRARY, path)
    try:
        with open(file, "rb") as source:
            return source.read()
    except OSError:
        return None


def functions_of(file):
    if file not in known:
        text = source_of(file)
        functions = None
        if text is not None:
            functions = {}
            collect(compile(text, file, "exec", dont_inherit=True), functions)
            if file.startswith("made-"):  # a single line that was passed to eval()
                functions["<module>"].add(1)
        known[file] = functions
    return known[file]


def main():
    right, wrong, without = 0, 0, set()
    for text in sys.stdin:
        file, line, function = text.rstrip("\n").split("\t")
        if file == "<string>":
            without.add(file)  # namedtuple and others generate code
            continue
        functions = functions_of(file)
        if functions is None:
            without.add(file)
            if not file.startswith("<"):
                print("no such file: %s:%s %s" % (file, line, function))
                wrong += 1
        elif function not in functions or (line != "0" and int(line) not in functions[function]):
            print("wrong: %s:%s %s" % (file, line, function))
            wrong += 1
        else:
            right += 1
    print("%d right, %d wrong, without a source: %s" % (right, wrong, " ".join(sorted(without)) or "none"))
    sys.exit(1 if wrong else 0)


main()
