"""An installation of libtrace of a test's own, in which a shell script stands before the collector."""

import pathlib
import shutil


def install(build, folder, script):
    """Returns the library in folder, whose collectors run the script's lines before they begin."""
    library = folder / "lib" / "libtrace.so"
    library.parent.mkdir()
    shutil.copy(build.library, library)
    place = pathlib.Path(shutil.copytree(build.collector.parent, folder / "libexec" / "libtrace"))
    collector = place / build.collector.name
    real = collector.rename(place / "real")
    collector.write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
    collector.chmod(0o755)
    return library
