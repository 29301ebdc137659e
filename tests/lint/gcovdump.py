#!/usr/bin/env python3
"""
gcovdump.py BUILD CAPTURE...: what the runs behind these captures covered, as gcovr's summary.

BUILD is the folder of objects (build/coverage); a capture is the serial output of a kernel built with COVERAGE=1,
or any file that contains it (tests/guest/coverage.h says how it looks). The counters of all captures are added
and left as .gcda files beside the objects. Exit status 1 if a capture is not whole.
"""
import os
import re
import subprocess
import sys
import tempfile

LINE = re.compile(rb"gcov: (file|data|end) ([^\r\n]*)")


class BadCapture(Exception):
    pass


def read_capture(data):
    """{path of a .gcda file: its bytes}, of the last whole dump in the capture."""
    files, whole, path = {}, None, None
    for kind, value in LINE.findall(data):
        value = value.decode(errors="replace")
        if kind == b"file":
            path = value
            files[path] = bytearray()
        elif kind == b"end":
            if value != str(len(files)):
                raise BadCapture(f"{value} files were sent, {len(files)} came")
            whole, files, path = files, {}, None
        elif path is None:
            raise BadCapture("data before the first file")
        else:
            try:
                files[path] += bytes.fromhex(value)
            except ValueError:
                raise BadCapture(f"a line of data of {path} is cut or mixed up") from None
    if whole is None:
        raise BadCapture("no dump, or its end is missing")
    return whole


def write_files(folder, files):
    for path, data in files.items():
        target = os.path.join(folder, path.lstrip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as f:
            f.write(data)


def merge(captures, work):
    """A folder below work with the sum of the captures' counters."""
    total = os.path.join(work, "0")
    write_files(total, captures[0])
    for number, files in enumerate(captures[1:], 1):
        one, total, before = os.path.join(work, f"{number}.one"), os.path.join(work, str(number)), total
        write_files(one, files)
        subprocess.run(["gcov-tool", "merge", before, one, "-o", total], check=True, stdout=subprocess.DEVNULL)
    return total


def install(build, folder):
    """Replace the .gcda files of the build by those in the folder, which holds them by their full paths."""
    for where, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcda"):
                os.remove(os.path.join(where, name))
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                data = f.read()
            target = "/" + os.path.relpath(os.path.join(where, name), folder)
            if os.path.isdir(os.path.dirname(target)):
                with open(target, "wb") as f:
                    f.write(data)


def main(arguments):
    if len(arguments) < 2:
        sys.exit("usage: gcovdump.py BUILD CAPTURE...")
    build, captures = arguments[0], []
    for path in arguments[1:]:
        try:
            with open(path, "rb") as f:
                captures.append(read_capture(f.read()))
        except BadCapture as problem:
            sys.exit(f"{path}: {problem}")
    with tempfile.TemporaryDirectory() as work:
        install(build, merge(captures, work))
    # The counters of a running kernel do not stand still while they are read: a branch may come out below zero.
    return subprocess.run(["gcovr", "--gcov-ignore-parse-errors", "--root", ".", "--exclude", "tests/",
                           "--print-summary", build]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
