#!/usr/bin/env python3
"""
bench.py BUILD [--linux]: the figures of this kernel beside their goals, as a table; with --linux, Debian's kernel's beside them, for
what the same programs do on both (linux.py). Exit status 1 if a goal is missed.

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
MARK_BEGIN, MARK_END, MARK_READY, MARK_PROMPT, MARK_ENTRY = 1, 2, 10, 11, 60000
MARK_SUBMIT, MARK_IN, MARK_OUT, MARK_DONE = 30, 31, 32, 33
TIMEOUT = 600  # seconds; a bound for a machine that hangs

# name: (goal, unit)
GOALS = {
    "kernel image without symbols": (768 * 1024, "bytes"),  # 512 KiB until file systems and further ports come
    "kernel's first instruction to ready": (30_000_000, "instructions"),
    "memory used when ready, without system.img": (4 * MIB, "bytes"),
    "kernel's first instruction to prompt": (60_000_000, "instructions"),
    "memory used with one shell, without system.img": (8 * MIB, "bytes"),
    "system.img": (None, "bytes"),
    "program: null system call": (100, "instructions"),
}

# What calls.c does, in its order; how many operations a round of each is. The first is an empty round.
CALLS = [("", 1), ("program: null system call", 1), ("program: switch through a pipe", 2), ("program: fork, exit, wait", 1),
         ("program: fork, exec, exit, wait", 1), ("program: page fault", 1)]
ROUNDS = 1000

# What disk.c does, in its order, and how often.
DISK = [("4 KiB at random", 1000), ("1 MiB in a row", 64), ("4 KiB at random, 32 at a time", 1000)]
# What tests/bench/files.c does on FAT32, in its order; how many of what.
FILES = [("create and write a file of 4 KiB", 1000), ("sync after 1,000 files, each", 1000),
         ("open and read a file of 4 KiB, warm", 1000), ("write 64 KiB behind one another", 512),
         ("read 64 KiB from the disk", 512), ("read 64 KiB from the cache", 512), ("read 4 KiB from the cache", 1000),
         ("open and read a file of 4 KiB, cold", 1000), ("unlink a file", 1000)]


def entry(elf):
    """The address of the kernel's first instruction, as hexadecimal digits (ELF64 header, e_entry)."""
    with open(elf, "rb") as f:
        return f"{int.from_bytes(f.read(32)[24:], 'little'):x}"


def image(folder, build, files):
    """system.img with more files in it: a second archive behind it, as the launcher does it."""
    root, path = Path(folder) / "more", Path(folder) / "system.img"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        (root / name).chmod(0o755)
    names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    more = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names, capture_output=True, check=True)
    path.write_bytes((build / "release/system.img").read_bytes() + more.stdout)
    return path


def boot(folder, build, kernel, smp, options, initrd=None, devices=(), ports=False):
    """Boot to the end: (the kernel's log, the markers as [(id, instructions)], or with their port accesses, too)."""
    log, marks = Path(folder) / "log", Path(folder) / "marks"
    marks.unlink(missing_ok=True)
    qemu = shutil.which("qemu-system-x86_64") or sys.exit("bench: qemu-system-x86_64 is missing")
    done = subprocess.run(
        [qemu, "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-smp", str(smp), "-nodefaults",
         "-display", "none", "-no-reboot", "-debugcon", f"file:{log}", "-kernel", build / kernel / "portolan.elf",
         "-initrd", initrd or build / kernel / "system.img", "-append", f"log=debugcon panic=exit {options}",
         "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
         "-plugin", f"{build}/bench/icplugin.so,out={marks},entry={entry(build / kernel / 'portolan.elf')}", *devices],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    text = log.read_text(errors="replace") if log.exists() else ""
    if done.returncode != 0:
        sys.exit(f"bench: QEMU ended with status {done.returncode}: {done.stderr}\n{text[-2000:]}")
    fields = [line.split("\t") for line in marks.read_text().splitlines()]
    return text, [(int(f[1]), int(f[3]) + int(f[4]), *((int(f[6]) + int(f[7]),) if ports else ())) for f in fields]


def memory_used(log):
    match = re.search(r"ready: .* of memory, ([\d.]+) (\w+) used", log)
    return float(match[1]) * {"B": 1, "KiB": 1024, "MiB": MIB}[match[2]]


def start_figures(folder, build):
    log, marks = boot(folder, build, "release", 2, "after=poweroff")
    at = dict(reversed(marks))  # the first of each
    image = Path(folder) / "stripped"
    subprocess.run([os.environ.get("OBJCOPY", "objcopy"), "--strip-all", build / "release/portolan.elf", image], check=True)
    yield "kernel image without symbols", image.stat().st_size
    yield "kernel's first instruction to ready", at[MARK_READY] - at[MARK_ENTRY]
    yield "memory used when ready, without system.img", memory_used(log) - (build / "release/system.img").stat().st_size


def operation_figures(folder, build):
    """Instructions of one operation, without those of an empty round. One processor: nothing else counts in."""
    log, marks = boot(folder, build, "bench", 1, "bench after=poweroff")
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


def prompt_figures(folder, build):
    """The whole start, by init and its shell, up to the last command of /etc/profile."""
    profile = Path("iso/etc/profile").read_bytes() + b"/bench/calls prompt\n"
    calls = (build / "bench/calls").read_bytes()
    more = image(folder, build, {"bench/calls": calls, "etc/profile": profile})
    log, marks = boot(folder, build, "release", 2, "", more)
    at = dict(reversed(marks))
    used = int(re.search(r"bench: (\d+) bytes used at the prompt", log)[1])
    yield "kernel's first instruction to prompt", at[MARK_PROMPT] - at[MARK_ENTRY]
    yield "memory used with one shell, without system.img", used - more.stat().st_size
    yield "system.img", (build / "release/system.img").stat().st_size


def call_figures(folder, build):
    more = image(folder, build, {"bench/calls": (build / "bench/calls").read_bytes()})
    _, marks = boot(folder, build, "release", 1, "init=/bench/calls driver.exclude=*", more)  # a driver's watch ticks
    begins, ends = ([n for i, n in marks if i == which] for which in (MARK_BEGIN, MARK_END))
    if not len(begins) == len(ends) == len(CALLS):
        sys.exit(f"bench: {len(CALLS)} benchmarks of programs, {len(begins)} begun, {len(ends)} ended")
    counts = [end - begin for begin, end in zip(begins, ends)]
    for (name, operations), count in list(zip(CALLS, counts))[1:]:
        yield name, (count - counts[0]) / ROUNDS / operations


def driver_figures(folder, build):
    """The way of a 4 KiB read through the ATA port, on a miniport that does nothing (tests/guest/probe/instant.c)."""
    more = image(folder, build, {"bench/instant.sys": (build / "probes/instant.sys").read_bytes()})
    _, marks = boot(folder, build, "bench", 1, "bench after=poweroff", more)
    for name, begin, end in (("SRB, from unit_send() to IdeHwStartIo", MARK_SUBMIT, MARK_IN),
                             ("IdeHwInterrupt's completion call to done()", MARK_OUT, MARK_DONE)):
        starts, ends = ([n for i, n in marks if i == which] for which in (begin, end))
        if not len(starts) == len(ends) > 100:
            sys.exit(f"bench: {len(starts)} requests begun, {len(ends)} ended")
        costs = sorted(b - a for a, b in zip(starts, ends))
        yield name, costs[len(costs) // 2]


CONTROLLERS = {"ahci": ("-device", "ide-hd,bus=ide.0,drive=d"),
               "ide": ("-device", "piix3-ide,id=pata", "-device", "ide-hd,bus=pata.0,drive=d"),
               "lsi": ("-device", "lsi53c895a,id=hba", "-device", "scsi-hd,bus=hba.0,drive=d"),
               "am53c974": ("-device", "am53c974,id=hba", "-device", "scsi-hd,bus=hba.0,drive=d")}


def disk_figures(folder, build, system=None):
    """Reads through /dev/sda with O_DIRECT. Of registers that are memory (AHCI, 53C8xx) no accesses are counted."""
    system = system or (lambda name, devices: boot(folder, build, "release", 1, "init=/bench/disk", image(
        folder, build, {"bench/disk": (build / "bench/disk").read_bytes()}), devices, True)[1])
    disk = Path(folder) / "disk.img"
    with open(disk, "wb") as f:
        f.truncate(64 * MIB)
    drive = ("-drive", f"if=none,id=d,format=raw,file={disk}")
    for name, devices in CONTROLLERS.items():
        marks = system(name, drive + devices)
        begins, ends = ([m for m in marks if m[0] == which] for which in (MARK_BEGIN, MARK_END))
        if not len(begins) == len(ends) == len(DISK):
            sys.exit(f"bench: {len(DISK)} benchmarks of disks, {len(begins)} begun, {len(ends)} ended")
        for (what, count), begin, end in zip(DISK, begins, ends):
            yield f"{name}: {what}", (end[1] - begin[1]) / count
            if name in ("ide", "am53c974"):
                yield f"{name}: {what}, port accesses", (end[2] - begin[2]) / count


def file_figures(folder, build):
    """Files of a FAT32 volume on AHCI."""
    more = image(folder, build, {"bench/files": (build / "bench/files").read_bytes()})
    disk = Path(folder) / "volume.img"
    with open(disk, "wb") as f:
        f.truncate(300 * MIB)
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "8", disk], check=True, capture_output=True,
                   env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    _, marks = boot(folder, build, "release", 1, "init=/bench/files", more,
                    ("-drive", f"if=none,id=d,format=raw,file={disk}", "-device", "ide-hd,bus=ide.0,drive=d"))
    begins, ends = ([n for i, n in marks if i == which] for which in (MARK_BEGIN, MARK_END))
    if not len(begins) == len(ends) == len(FILES):
        sys.exit(f"bench: {len(FILES)} benchmarks of files, {len(begins)} begun, {len(ends)} ended")
    for (what, count), begin, end in zip(FILES, begins, ends):
        yield f"fat32: {what}", (end - begin) / count


def show(figures, linux):
    missed = 0
    print(f"{'what':<46} {'figure':>14} {'goal':>14} {'Linux' if linux else '':>14}  unit")
    for name, value in figures:
        goal, unit = GOALS.get(name, (None, "instructions"))
        missed += goal is not None and value > goal
        print(f"{name:<46} {value:>14,.0f} {f'< {goal:,}' if goal else '':>14} {f'{linux[name]:,.0f}' if name in linux else '':>14}  {unit}"
              f"{'  MISSED' if goal is not None and value > goal else ''}")
    return missed


def main():
    words = [word for word in sys.argv[1:] if word != "--linux"]
    build = Path(words[0] if words else "build").resolve()
    linux = {}
    with tempfile.TemporaryDirectory() as folder:
        figures = [figure for part in (start_figures, prompt_figures, operation_figures, call_figures,
                                               driver_figures, disk_figures, file_figures)
                   for figure in part(folder, build)]
        if "--linux" in sys.argv:
            from linux import Linux
            linux = dict(disk_figures(folder, build, Linux(folder, build).run))
    sys.exit(1 if show(figures, linux) else 0)


if __name__ == "__main__":
    main()
