"""The way from a capture to a summary, with counters that a program on the host made."""
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import gcovdump as capture  # noqa: E402

PROGRAM = "int\nmain(int argc, char **argv)\n{\n    if (argc > 1)\n        return argc - 2;\n    return 0;\n}\n"


def dump(files):
    """A capture as the kernel writes it, between other lines, with a terminal's line ends."""
    lines = ["[0.1] boot: hello"]
    for path, data in files.items():
        lines.append(f"gcov: file {path}")
        lines += [f"gcov: data {data[i:i + 64].hex()}" for i in range(0, len(data), 64)]
    return "\r\n".join(lines + [f"gcov: end {len(files)}", "[0.2] bye", ""]).encode()


def test_a_dump_is_read_back():
    files = {"/b/x.gcda": bytes(range(200)), "/b/y.gcda": b""}
    assert capture.read_capture(dump(files)) == files


def test_the_last_dump_counts():
    assert capture.read_capture(dump({"/a": b"1"}) + dump({"/a": b"2"})) == {"/a": b"2"}


@pytest.mark.parametrize("broken, message", [
    (lambda d: d[:d.index(b"gcov: end")], "no dump"),
    (lambda d: d.replace(b"end 2", b"end 3"), "3 files were sent, 2 came"),
    (lambda d: d.replace(b"gcov: file /b/x\r\n", b""), "data before"),
    (lambda d: d.replace(b"data 00", b"data 0"), "cut or mixed up"),
    (lambda d: b"", "no dump"),
])
def test_a_broken_dump_is_refused(broken, message):
    with pytest.raises(capture.BadCapture, match=message):
        capture.read_capture(broken(dump({"/b/x": bytes(70), "/b/y": b"7"})))


@pytest.mark.skipif(not all(map(shutil.which, ("gcc", "gcovr", "gcov-tool"))), reason="gcc, gcovr or gcov-tool is missing")
def test_two_captures_add_up(tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    (tmp_path / "a.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-O0", "--coverage", "-c", "a.c", "-o", "build/a.c.o"], cwd=tmp_path, check=True)
    subprocess.run(["gcc", "--coverage", "build/a.c.o", "-o", "a"], cwd=tmp_path, check=True)
    counters = build / "a.c.gcda"
    for name, arguments in (("one", []), ("two", ["x"])):
        subprocess.run(["./a", *arguments], cwd=tmp_path, check=True)
        (tmp_path / name).write_bytes(dump({str(counters): counters.read_bytes()}))
        counters.unlink()

    def summary(*captures):
        return subprocess.run([sys.executable, os.path.join(HERE, "gcovdump.py"), "build", *captures], cwd=tmp_path,
                              check=True, capture_output=True, text=True).stdout

    assert "lines: 75.0% (3 out of 4)" in summary("one")
    assert "branches: 50.0% (1 out of 2)" in summary("two")
    assert "lines: 100.0% (4 out of 4)" in summary("one", "two")
    assert "branches: 100.0% (2 out of 2)" in summary("one", "two")
