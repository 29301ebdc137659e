"""The DDK headers against mingw-w64's and against the contract: sizes, offsets, values."""

import re
import subprocess

import pytest

from launcher import ROOT

GCC = "x86_64-w64-mingw32-gcc"
THEIRS = "/usr/x86_64-w64-mingw32/include/ddk"
TABLE = ROOT / "tests/drivers/abi.list"
HEADERS = ["ntddk.h", "srb.h", "scsi.h", "ata.h", "ntddscsi.h"]
CONTRACT = ROOT / "docs/contract/ataport.md"


def facts():
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            yield tuple(line.split(" ", 1))


def expression(kind, name):
    if kind == "S":
        return f"sizeof({name})"
    if kind == "O":
        return "__builtin_offsetof({}, {})".format(*name.split("."))
    return f"(long long)({name})"


def measured(tmp_path, include, which, headers=HEADERS):
    """{fact: number} of those that compile."""
    left = list(which)
    for _ in range(3):
        source = tmp_path / "abi.c"
        lines = [f"#include <{header}>" for header in headers] + ["void f(void) {"]
        first = len(lines) + 1
        lines += [f'__asm__ volatile("\\n@@ {kind} {name} %c0" :: "i"({expression(kind, name)}));'
                  for kind, name in left]
        source.write_text("\n".join(lines + ["}"]) + "\n")
        done = subprocess.run([GCC, "-w", "-fmax-errors=0", "-I", include, "-S", "-o", "-", source],
                              capture_output=True, text=True)
        wrong = {int(n) - first for n in re.findall(r"abi\.c:(\d+):\d+: error", done.stderr)}
        if not wrong:
            break
        left = [fact for i, fact in enumerate(left) if i not in wrong]
    assert done.returncode == 0, done.stderr[:2000]
    return {(kind, name): int(value)
            for kind, name, value in re.findall(r"^@@ (\w) (\S+) (-?\d+)", done.stdout, re.M)}


def test_ours_has_every_fact_of_the_table(tmp_path):
    ours = measured(tmp_path, ROOT / "drivers/ddk", facts())
    assert not [fact for fact in facts() if fact not in ours]


def test_what_mingw_has_too_is_the_same(tmp_path):
    ours = measured(tmp_path, ROOT / "drivers/ddk", facts())
    theirs = measured(tmp_path, THEIRS, facts())
    both = [fact for fact in ours if fact in theirs]
    # 32-bit values may come signed or unsigned
    different = {fact: (ours[fact], theirs[fact]) for fact in both
                 if (ours[fact] - theirs[fact]) % (1 << 32)}
    assert not different
    assert len(both) > 300


def contract_structures():
    """{structure: (size, {member: offset})} of the contract's section 4."""
    text = CONTRACT.read_text()
    for name, size, body in re.findall(r"^`(\w+)` — size (\d+).*?\n\n```text\n(.*?)```", text, re.M | re.S):
        members = re.findall(r"^ *(\d+) 0x[0-9A-F]+ +\d+  (.*)$", body, re.M)
        found = {}
        for offset, declaration in members:
            match = re.match(r".*?(\w+)(?:\[\w*\])*$", declaration.strip())
            if match and not declaration.startswith(("union", "struct")):
                found[match[1]] = int(offset)
        yield name, int(size), found


@pytest.mark.skipif(not CONTRACT.exists(), reason="the contract is not in the tree")
def test_irb_h_is_the_contracts(tmp_path):
    which, want = [], {}
    for name, size, members in contract_structures():
        if name != "IDE_ERROR_LOG_ENTRY" or size == 7:
            want["S", name] = size
        for member, offset in members.items():
            want["O", f"{name}.{member}"] = offset
    which = list(want)
    got = measured(tmp_path, ROOT / "drivers/ddk", which, ["irb.h"])
    assert not {fact: (got.get(fact), want[fact]) for fact in which if got.get(fact) != want[fact]}
    assert len(want) > 100
