#!/usr/bin/env python3
"""
bench.py BUILD: the figures of this kernel beside their goals, as a table. Exit status 1 if a goal is missed.

Instructions are the guest's, counted by the plugin BUILD/bench/icplugin.so between markers (kernel/cpu/marker.h), so
they do not depend on the host's speed. `make bench` builds what is needed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MIB = 1 << 20
MARK_BEGIN, MARK_END, MARK_READY, MARK_ENTRY = 1, 2, 10, 60000
TIMEOUT = 600  # seconds; a bound for a machine that hangs

# name: (goal, unit)
GOALS = {
    "kernel image without symbols": (512 * 1024, "bytes"),
    "kernel's first instruction to ready": (30_000_000, "instructions"),
    "memory used when ready, without system.img": (4 * MIB, "bytes"),
}


def entry(elf):
    """The address of the kernel's first instruction, as hexadecimal digits (ELF64 header, e_entry)."""
    with open(elf, "rb") as f:
        return f"{int.from_bytes(f.read(32)[24:], 'little'):x}"


def boot(folder, build, kernel, smp, options):
    """Boot to the end: (the kernel's log, the markers as [(id, instructions)])."""
    log, marks = Path(folder) / "log", Path(folder) / "marks"
    qemu = shutil.which("qemu-system-x86_64") or sys.exit("bench: qemu-system-x86_64 is missing")
    done = subprocess.run(
        [qemu, "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-smp", str(smp), "-nodefaults",
         "-display", "none", "-no-reboot", "-debugcon", f"file:{log}", "-kernel", build / kernel / "portolan.elf",
         "-initrd", build / kernel / "system.img", "-append", f"log=debugcon after=poweroff {options}",
         "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
         "-plugin", f"{build}/bench/icplugin.so,out={marks},entry={entry(build / kernel / 'portolan.elf')}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    text = log.read_text(errors="replace") if log.exists() else ""
    if done.returncode != 0:
        sys.exit(f"bench: QEMU ended with status {done.returncode}: {done.stderr}\n{text[-2000:]}")
    fields = [line.split("\t") for line in marks.read_text().splitlines()]
    return text, [(int(f[1]), int(f[3]) + int(f[4])) for f in fields]


def memory_used(log):
    match = re.search(r"ready: .* of memory, ([\d.]+) (\w+) used", log)
    return float(match[1]) * {"B": 1, "KiB": 1024, "MiB": MIB}[match[2]]


def start_figures(folder, build):
    log, marks = boot(folder, build, "release", 2, "")
    at = dict(reversed(marks))  # the first of each
    image = Path(folder) / "stripped"
    subprocess.run([os.environ.get("OBJCOPY", "objcopy"), "--strip-all", build / "release/portolan.elf", image], check=True)
    yield "kernel image without symbols", image.stat().st_size
    yield "kernel's first instruction to ready", at[MARK_READY] - at[MARK_ENTRY]
    yield "memory used when ready, without system.img", memory_used(log) - (build / "release/system.img").stat().st_size


def operation_figures(folder, build):
    """Instructions of one operation, without those of an empty round. One processor: nothing else counts in."""
    log, marks = boot(folder, build, "bench", 1, "bench")
    begins = [n for i, n in marks if i == MARK_BEGIN]
    ends = [n for i, n in marks if i == MARK_END]
    runs = re.findall(r"bench: (\d+) (.+)", log)
    if not len(runs) == len(begins) == len(ends) > 1:
        sys.exit(f"bench: {len(runs)} benchmarks, {len(begins)} begun, {len(ends)} ended")
    counts = [(name.strip(), int(times), end - begin) for (times, name), begin, end in zip(runs, begins, ends)]
    empty = counts[0][2] / counts[0][1]
    for name, times, count in counts[1:]:
        rounds = counts[0][1]
        yield name, (count - empty * rounds) / times


def show(figures):
    missed = 0
    print(f"{'what':<46} {'figure':>14} {'goal':>14}  unit")
    for name, value in figures:
        goal, unit = GOALS.get(name, (None, "instructions"))
        missed += goal is not None and value > goal
        print(f"{name:<46} {value:>14,.0f} {f'< {goal:,}' if goal else '':>14}  {unit}"
              f"{'  MISSED' if goal is not None and value > goal else ''}")
    return missed


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    with tempfile.TemporaryDirectory() as folder:
        figures = [*start_figures(folder, build), *operation_figures(folder, build)]
    sys.exit(1 if show(figures) else 0)


if __name__ == "__main__":
    main()
