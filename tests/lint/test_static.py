"""static.sh: a clean tree passes, and each of its three tools can make it fail."""
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
TOOLS = ("git", "make", "clang-format", "clang-tidy", "cppcheck")
GOOD = "int f(int a);\n\nint\nf(int a)\n{\n    return %s;\n}\n"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="a tool is missing: " + ", ".join(TOOLS))


def static(tree, files):
    """(exit status, output) of static.sh in a repository that holds these files."""
    (tree / "tests/lint").mkdir(parents=True)
    for name in (".clang-format", ".clang-tidy", "tests/lint/static.sh", "tests/lint/cppcheck.txt", "tests/lint/cppcheck.cfg"):
        shutil.copy(os.path.join(ROOT, name), tree / name)
    (tree / "Makefile").write_text("print-cflags:\n\t@echo -std=gnu17 -ffreestanding -I.\n")
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    run = subprocess.run(["sh", str(tree / "tests/lint/static.sh")], capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def test_a_clean_tree_passes(tmp_path):
    status, output = static(tmp_path, {"lib/a.c": GOOD % "a", "kernel/fs/b.c": GOOD.replace("f(", "g(") % "a"})
    assert status == 0 and output.count(": clean, ") == 3, output


@pytest.mark.parametrize("tool, path, text, message", [
    ("clang-format", "lib/a.c", GOOD % "  a", "clang-formatted"),
    ("cppcheck", "lib/a.c", GOOD % "a << 40", "shiftTooManyBits"),
    ("clang-tidy", "lib/a.c", GOOD % "sizeof(sizeof(a))", "bugprone-sizeof-expression"),
    ("clang-tidy", "lib/a.c", GOOD % "b", "undeclared identifier"),
    ("clang-tidy", "kernel/fs/a.c", "long f(int a);\n\nlong\nf(int a)\n{\n    return a * a;\n}\n", "bugprone-implicit-widening"),
])
def test_a_finding_fails(tmp_path, tool, path, text, message):
    status, output = static(tmp_path, {path: text})
    assert status == 1 and f"{tool}: FAILED" in output and message in output, output
