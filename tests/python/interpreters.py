"""The CPython interpreters of this machine with which the tests run.

LIBTRACE_PYTHONS lists them (separated by colons). Without it they are every python3.N on PATH, the system's, and
those of pyenv. One path for each distinct executable, in the order of their versions.
"""
import glob
import os
import subprocess
import sys

ASK = ("import sys, platform; print(platform.python_implementation(), '%d.%d.%d' % sys.version_info[:3], "
       "sys.executable, getattr(sys, '_is_gil_enabled', lambda: True)(), sep='\\t')")


class Interpreter:
    def __init__(self, path, version):
        self.path = path
        self.version = version  # (3, 11, 7)
        self.name = "%d.%d.%d" % version
        if path.startswith("/usr/bin/"):
            self.name += "-system"

    def __repr__(self):
        return self.name


def candidates():
    named = os.environ.get("LIBTRACE_PYTHONS")
    if named:
        return [path for path in named.split(":") if path]
    found = []
    places = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/local/bin"]
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for place in places:
        if not place.endswith("/shims"):
            found += sorted(glob.glob(os.path.join(place, "python3.[0-9]"))) + \
                     sorted(glob.glob(os.path.join(place, "python3.[0-9][0-9]")))
    found += sorted(glob.glob(os.path.join(root, "versions", "*", "bin", "python3")))
    return found


def interpreters(oldest=(3, 8)):
    seen, result = set(), []
    for path in candidates():
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        env = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONHOME", "PYTHONPATH")}
        try:
            out = subprocess.run([path, "-I", "-c", ASK], env=env, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, timeout=30).stdout.decode()
        except (OSError, subprocess.TimeoutExpired):
            continue
        fields = out.split("\t")
        if len(fields) != 4 or fields[0] != "CPython" or fields[3].strip() != "True":
            continue
        version = tuple(int(part) for part in fields[1].split("."))
        if version >= oldest:
            result.append(Interpreter(path, version))
    result.sort(key=lambda interpreter: (interpreter.version, interpreter.path))
    return result


def one_of_each(found):
    """The newest interpreter of each group that is read in the same way: frames as objects (up to 3.10), frames that call each
    other without the C stack (3.11), with shims between them (3.12), and with recycled objects seen (3.13+)."""
    groups = {}
    for interpreter in found:
        groups[min(max(interpreter.version[:2], (3, 10)), (3, 13))] = interpreter
    return list(groups.values())


if __name__ == "__main__":
    for interpreter in interpreters():
        print(interpreter.name, interpreter.path)


def traced_by(build):
    """The libtrace.so of a build or of an installation: not one of those that tests build below it, with sanitizers."""
    for folder, folders, files in os.walk(os.path.realpath(build)):
        folders[:] = sorted(name for name in folders if name != "tests")
        if "libtrace.so" in files:
            return os.path.join(folder, "libtrace.so")
    sys.exit("%s: no libtrace.so in %s" % (sys.argv[0], build))
