"""Every kind of exception in the kernel ends in a report that names it, where it happened, and by whom."""

import re

import pytest

from launcher import portolan

# selftest= name: the title, the vector, the function in which it happens, more that the report says
ENDS = {
    "divide": ("divide error (#DE)", 0, "die_divide", ""),
    "debug": ("debug exception (#DB)", 1, "die_debug", ""),
    "nmi": ("non-maskable interrupt (NMI)", 2, "", ""),
    "breakpoint": ("breakpoint (#BP)", 3, "die_breakpoint", ""),
    "overflow": ("overflow (#OF)", 4, "die_overflow", ""),
    "bound": ("bound range exceeded (#BR)", 5, "die_bound", ""),
    "opcode": ("invalid opcode (#UD)", 6, "die_opcode", ""),
    "device-not-available": ("device not available (#NM)", 7, "die_device_not_available", ""),
    "double-fault": ("double fault (#DF)", 8, "die_double_fault", ""),
    "segment": ("segment not present (#NP)", 11, "die_segment", "error code 0008"),
    "stack-segment": ("stack segment fault (#SS)", 12, "die_stack_segment", "error code 0008"),
    "protection": ("general protection fault (#GP)", 13, "die_protection", ""),
    "read": ("page fault (#PF)", 14, "die_read", "reading address ffffdfff00000000: not mapped"),
    "null": ("page fault (#PF)", 14, "die_null", "writing address 0000000000000000: not mapped"),
    "write-text": ("page fault (#PF)", 14, "die_write_text", "not permitted by the page's protection"),
    "execute-data": ("page fault (#PF)", 14, "", "executing address ffffffff8"),
    "x87": ("x87 floating-point error (#MF)", 16, "die_x87", ""),
    "machine-check": ("machine check (#MC)", 18, "die_machine_check", ""),
    "simd": ("SIMD floating-point exception (#XM)", 19, "die_simd", ""),
}


def end(name, smp=1):
    """The kernel log of a machine that died of `name`."""
    done = portolan("exec", "--smp", smp, "--append", f"selftest={name}", "--timeout", 60)
    assert done.returncode == 125, (done.returncode, done.stdout, done.stderr)
    return done.stderr


@pytest.mark.parametrize("name", ENDS)
def test_report(name):
    title, vector, function, more = ENDS[name]
    text = end(name)
    assert f"{title} in the kernel" in text
    line = next(line for line in text.splitlines() if f"{title}, vector {vector}, error code" in line)
    if function:
        assert f" {function}+" in line
    assert more in text
    assert re.search(r"rax [0-9a-f]{16} rbx [0-9a-f]{16}", text)
    # Callers of the function may be left out: GCC gives a leaf that needs no stack no frame, and calls in last place are jumps.
    assert re.search(r"backtrace:(\n.*)+ boot_high\+", text)


def test_the_other_processors_are_stopped():
    text = end("opcode", smp=4)
    assert "ready: 4 processors" in text
    assert text.rstrip().endswith("The system is halted.")


def test_a_processor_that_holds_its_interrupts_off_is_stopped_by_nmi():
    text = end("deaf", smp=2)
    assert "smp: processors 0x2 hold their interrupts off: stopped by NMI" in text
    assert "could not be stopped" not in text


def test_a_stack_that_overflows_meets_its_guard():
    text = end("stack-overflow")
    assert "double fault (#DF)" in text
    assert "stack overflow" in text
    assert " recurse+" in text


def test_undefined_behaviour_is_named_with_file_and_line():
    assert re.search(r"signed addition overflows at tests/guest/kernel/cpu/selftest\.c:\d+", end("undefined"))


def test_an_assertion_is_named_with_file_and_line():
    assert re.search(r"selftest\.c:\d+: irql_current\(\) == .* does not hold", end("assert"))
