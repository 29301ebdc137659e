"""Each rule of the lint trips on a tree that breaks it, and a tree that keeps them all passes."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, HERE)

import lint  # noqa: E402
from source import CText, Tree, line_counts  # noqa: E402

GOOD = {
    "Makefile": "all:\n\tcc -o all all.c\n",
    "boot/main.c": '#include "kernel/hw/pci.h"\n#include "drivers/port/core/unit.h"\n\nint\nmain(void)\n{\n    return 0;\n}\n',
    "boot/bootinfo.h": "#include <stdint.h>\n",
    "boot/entry.S": "    /* the first instruction; it can't fail */\n    rdmsr\n",
    "lib/list.h": "#include <stddef.h>\n\n/* Links. */\nvoid list_add(void);\nvoid list_del(void);\n\nint list_n(void); /* how many */\n",
    "lib/string.c": "#if __STDC_HOSTED__\n#include <string.h>\n#endif\n",
    "kernel/console/log.h": '#include "lib/list.h"\n',
    "kernel/cpu/io.h": "#define mmio(p) (*(volatile int *)(p))\n",
    "kernel/cpu/regs.h": '/* Reads MSRs. */\nstatic inline int\nmsr_read(void)\n{\n    __asm__ volatile("rdmsr");\n    return 0;\n}\n',
    "kernel/cpu/irq.c": '#include "kernel/cpu/regs.h"\n#include "kernel/console/log.h"\n',
    "kernel/sync/event.c": '#include "kernel/sched/thread.h"\n',
    "kernel/sched/thread.h": '#include "kernel/cpu/io.h"\n',
    "kernel/sched/sched_impl.h": "\n",
    "kernel/sched/sched.c": '#include "kernel/sched/sched_impl.h"\n',
    "kernel/hw/pci.h": '#include "lib/list.h"\n\n/*\n * Finds things; an example:\n *     pci_find(7);\n * IRQL: any; see there.\n */\nint pci_find(int\n    id);\n',
    "drivers/port/core/unit.h": '#include "kernel/cpu/io.h"\n',
    "drivers/port/core/wait.c": (
        "int\nwait_bits(int n)\n{\n    while (n-- > 0)\n        stall();\n    do {\n        n++;\n    } while (n < 9);\n"
        "    for (;n;n--) {\n        stall();\n    }\n    return 0;\n}\n"),
    "tests/guest/kernel/cpu/irq.c": '#include "kernel/cpu/regs.h"\n\nKTEST(one)\n{\n    __asm__("nop");\n}\n',
    "tests/host/check.h": "#include <stdio.h>\n",
    "iso/etc/passwd": "r:x:0:0:r:/ro" "ot:/bin/sh\n",
    "tests/lint/deps.txt": open(os.path.join(HERE, "deps.txt")).read().split("# Threads block")[0]
                           + "kernel/sync/event.c + kernel/sched/thread.h\n",
    "tests/lint/budget.txt": "# none\n",
}


def findings(tmp_path, changes=None):
    """Findings of the lint in the good tree with these files added or replaced."""
    for path, text in {**GOOD, **(changes or {})}.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [f"{path}:{line}: {message}" for path, line, message in lint.check_all(Tree(tmp_path))]


def test_a_good_tree_passes(tmp_path):
    assert findings(tmp_path) == []


BODY = "int\nf(void)\n{\n%s\n}\n"
BAD = {
    # who may include whom
    "lib includes kernel": ("lib/a.c", '#include "kernel/cpu/io.h"\n', 1, "may not be included"),
    "kernel includes drivers": ("kernel/hw/a.c", '\n#include "drivers/port/core/unit.h"\n', 2, "may not be included"),
    "sync includes sched": ("kernel/sync/a.c", '#include "kernel/sched/thread.h"\n', 1, "may not be included"),
    "a header is bound as well": ("kernel/cpu/a.h", '#include "kernel/hw/pci.h"\n', 1, "may not be included"),
    "boot is seen by nobody": ("kernel/hw/a.c", '#include "boot/bootinfo.h"\n', 1, "may not be included"),
    "private by name": ("kernel/hw/a.c", '#include "kernel/sched/sched_impl.h"\n', 1, "private"),
    "private by list": ("boot/main.c", '#include "kernel/cpu/regs.h"\n', 1, "private"),
    "not from the root": ("kernel/cpu/a.c", '#include "io.h"\n', 1, "not a file"),
    "hosted header": ("kernel/hw/a.c", "#include <stdio.h>\n", 1, "hosted"),
    "hosted header, other side": ("lib/a.c", "#if __STDC_HOSTED__\n#else\n#include <stdio.h>\n#endif\n", 3, "hosted"),
    "hosted header, opposite": ("lib/a.c", "#if !__STDC_HOSTED__\n#include <stdio.h>\n#endif\n", 2, "hosted"),
    "assembly includes as well": ("boot/a.S", '#include "drivers/port/core/unit.h"\n', 1, "may not be included"),
    "folder without a line": ("kernel/new/a.c", "int x;\n", 1, "no line"),
    # lengths
    "file too long": ("lib/a.c", "int x;\n" * 601, 1, "601 lines, the budget is 600"),
    "function too long": ("lib/a.c", BODY % "\n".join(["    g();"] * 98), 2, "f() has 101 lines"),
    "python function too long": ("tests/a.py", "def f():\n" + "    g()\n" * 100, 1, "f() has 101 lines"),
    "launcher too long": ("portolan", "true\n" * 601, 1, "601 lines"),
    "makefile too long": ("Makefile", "# x\n" * 250, 1, "250 lines, the budget is 249"),
    "exception without reason": ("tests/lint/budget.txt", "lib/a.c 700\n", 1, "a reason"),
    "exception not needed": ("tests/lint/budget.txt", "lib/string.c 700 it was long once\n", 1, "not needed"),
    # x86 and device memory
    "asm in hw": ("kernel/hw/a.c", BODY % '    __asm__("nop");', 4, "__asm__ outside"),
    "builtin in lib": ("lib/a.c", BODY % "    __builtin_ia32_pause();", 4, "__builtin_ia32_pause outside"),
    "msr in mem": ("kernel/mem/a.c", BODY % "    msr_read(1);", 4, "msr_read outside"),
    "assembly file in mem": ("kernel/mem/a.S", "f:\n    nop\n", 2, "instruction outside"),
    "volatile cast": ("kernel/hw/a.c", BODY % "    *(volatile uint32_t *)p = 1;", 4, "volatile"),
    "volatile cast, const": ("drivers/class/a.c", BODY % "    x = *(const volatile struct y **)p;", 4, "volatile"),
    # loops in drivers
    "while (1)": ("drivers/port/core/a.c", BODY % "    while (1)\n        g();", 4, "endless"),
    "while (true)": ("drivers/port/core/a.c", BODY % "    while (true) {\n        g();\n    }", 4, "endless"),
    "for (;;)": ("drivers/port/core/a.c", BODY % "    for (;;)\n        g();", 4, "endless"),
    "empty while": ("drivers/port/core/a.c", BODY % "    while (g(1, (2)))\n        ;", 4, "without a body"),
    "empty for": ("drivers/port/core/a.c", BODY % "    for (i = 0; i < n; i++) { /* wait */ }", 4, "without a body"),
    "empty do": ("drivers/port/core/a.c", BODY % "    do {\n    } while (g());", 4, "without a body"),
    "empty while after a block": ("drivers/port/core/a.c", BODY % "    if (x) {\n    y();\n    }\n    while (g());", 7, "without a body"),
    # definitions and contracts
    "name not in column 0": ("lib/a.c", "static int f(void)\n{\n    return 0;\n}\n", 1, "not in column 0"),
    "no contract": ("lib/a.h", "/* The file. */\n\nint a_get(void);\n", 3, "a_get() has no comment"),
    "no contract in the next group": ("kernel/hw/a.h", "/* Gets. */\nint a_get(void);\n\nint a_put(void);\n", 4, "a_put() has no"),
    # comments
    "call": ("lib/a.c", "// list_add(&a->link, b);\n", 1, "commented-out"),
    "assignment": ("lib/a.c", "/* x->y = 3; */\n", 1, "commented-out"),
    "declaration": ("lib/a.c", "/*\n * static int count;\n */\n", 2, "commented-out"),
    "return": ("lib/a.c", "/* return -EIO; */\n", 1, "commented-out"),
    "condition": ("lib/a.c", "// if (x) {\n", 1, "commented-out"),
    "preprocessor": ("lib/a.c", "// #define A 1\n", 1, "commented-out"),
    # text
    "leftover": ("lib/a.c", "/* TO" "DO: more */\n", 1, "do it, or say it"),
    "leftover in shell": ("boot/a.sh", "# FIX" "ME\n", 1, "do it, or say it"),
    "tab": ("lib/a.c", "\tint x;\n", 1, "tab"),
    "white space": ("lib/a.c", "int x; \n", 1, "white space"),
    "no newline": ("lib/a.c", "int x;", 1, "no newline"),
    "carriage return": ("docs/a.md", "a\r\n", 1, "white space"),
    "machine path": ("docs/a.md", "see /wo" "rk/main\n", 1, "another machine"),
    "home folder": ("tests/a.py", "x = '/ho" "me/me'\n", 1, "another machine"),
    "shared folder": ("docs/a.md", "see ../sha" "red/x.md\n", 1, "another machine"),
    "workplace": ("docs/a.md", "run `issu" "es show 2`\n", 1, "another machine"),
    # the data of the lint
    "nonsense in deps": ("tests/lint/deps.txt", "lib lib\n" + GOOD["tests/lint/deps.txt"], 1, "neither"),
    "exception for nobody": ("tests/lint/deps.txt", GOOD["tests/lint/deps.txt"] + "lib/x.c + boot\n", 1, "does not exist"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_tree_trips(tmp_path, name):
    path, text, line, message = BAD[name]
    found = findings(tmp_path, {path: text})
    assert len(found) == 1, found
    assert found[0].startswith(f"{path}:{line}: ") and message in found[0]


KEPT = {
    "prose in comments": ("lib/a.c", "/* It adds; then it returns;\n * see list_add(); and for (the rest) more;\n */\n// if so, return\n"),
    "words in strings": ("kernel/hw/a.c", BODY % '    log_err("asm volatile (volatile int *) for (;;)");'),
    "a budget exception": ("lib/a.c", "int x;\n" * 650, "tests/lint/budget.txt", "lib/a.c 700 a table of the standard\n"),
    "a function's exception": ("lib/a.c", BODY % "\n".join(["    g();"] * 110), "tests/lint/budget.txt", "lib/a.c:f 120 one list\n"),
    "endless outside drivers": ("kernel/hw/a.c", BODY % "    for (;;)\n        g();"),
    "binary file": ("iso/font.bin", b"\0\1\t \n \xff"),
    "data in an assembly file": ("kernel/hw/a.S", "    .data\nx: .long 1 /* one */\n#define Y 1\n\ny:\n    .incbin \"z\"\n"),
    "volatile in lib": ("lib/a.c", BODY % "    *(volatile char *)p = 1;"),
    "a type by __typeof__": ("lib/a.c", "static const __typeof__(x[0]) *\nf(int a)\n{\n    return x;\n}\n"),
    "volatile parameter": ("kernel/hw/a.c", "static int\nf(volatile int *p)\n{\n    return *p;\n}\n"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_allowed_passes(tmp_path, name):
    path, text, *other = KEPT[name]
    assert findings(tmp_path, {path: text, **dict([other] if other else [])}) == []


def test_exit_status(tmp_path):
    findings(tmp_path)
    command = [sys.executable, os.path.join(HERE, "lint.py"), str(tmp_path)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    (tmp_path / "lib/a.c").write_text("int x; \n")
    bad = subprocess.run(command, capture_output=True, text=True)
    assert bad.returncode == 1 and "lib/a.c:1: white space" in bad.stdout


def test_views_of_a_text_agree_in_position():
    text = 'a = "/*"; // b "\nc /* \'d\n */ = \'"\'; e = "\\"f"; /'
    source = CText(text)
    assert len(source.code) == len(source.bare) == len(text)
    assert source.code.split() == ["a", "=", '"/*";', "c", "=", "'\"';", "e", "=", '"\\"f";', "/"]
    assert source.bare.replace(" ", "") == 'a="";\nc\n=\'\';e="";/'
    assert [line for line, _ in source.comments] == [1, 2]


def test_lines_are_counted_as_code_comment_or_blank():
    assert line_counts("int x; /* a */\n\n/* b\n\n c */\nint y;\n") == (2, 2, 2)


def run(script, root):
    return subprocess.run([sys.executable, os.path.join(HERE, script), str(root)], check=True, capture_output=True,
                          text=True).stdout


def test_metrics(tmp_path):
    findings(tmp_path, {"lib/long.c": BODY % "\n".join(["    g();"] * 70)})
    rows = {line.split()[0]: line.split() for line in run("metrics.py", tmp_path).splitlines() if line}
    assert rows["lib/"][1:7] == ["2", "74", "/", "74", "/", "74"]
    assert rows["lib/"][7:13] == ["1", "73", "/", "73", "/", "73"]
    assert rows["lib/"][13:15] == ["100", "%"]
    assert rows["Makefile:"][1] == "2"


def test_evidence(tmp_path):
    findings(tmp_path, {
        "docs/contract/storport.md": "- **P-001** Both.\n- **P-002** Code only, see P-004.\n- **P-003** Test only.\n- **P-004** None.\n",
        "drivers/port/storport/a.c": 'int x; /* P-001, P-002 */\nconst char *s = "P-004";\n',
        "tests/guest/a.c": "/* P-001 P-003 P-999 */\n",
    })
    lines = run("evidence.py", tmp_path).splitlines()
    assert [line.split("  ")[:2] for line in lines if line.startswith("P-")] == [
        ["P-002", "no test"], ["P-003", "no code"], ["P-004", "no code no test"],
        ["P-999", "is in no contract: tests/guest/a.c"]]
    assert lines[-1].split() == ["storport", "4", "2", "2", "1"]


def test_the_contracts_are_read_whole():
    counts = [line.split()[:2] for line in run("evidence.py", ROOT).splitlines()[-3:]]
    assert counts == [["ataport", "148"], ["scsiport", "140"], ["storport", "148"]]
