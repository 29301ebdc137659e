"""Which in-kernel tests there are, and one boot for each configuration that runs those which are wanted."""

import re
import shutil
import subprocess
from collections import namedtuple

import pytest

from launcher import BUILD, portolan, tail

# The kernel's command line holds 2047 bytes; for a longer list of names it runs them all.
NAMES_MAX = 1900

# QEMU's teaching device, which the tests of interrupts use: five, so that two share a line on any machine.
# Of PCI, e1000e has a table of messages (MSI-X) and nvme a reset of its own; behind the bridge is a second bus.
DEVICES = " ".join(["-device edu"] * 5 + ["-device e1000e,romfile=", "-device nvme,serial=test",
                                          "-device pci-bridge,id=bridge,chassis_nr=1 -device pci-testdev,bus=bridge,addr=1"])

Boot = namedtuple("Boot", "machine boot smp mem options", defaults=["256M", ""])


def boot_id(b):
    more = ("" if b.mem == "256M" else f"-{b.mem}") + (f"-{b.options}" if b.options else "")
    return f"{b.machine}-{b.boot}-smp{b.smp}{more}"


BOOTS = [Boot(machine, boot, smp)
         for machine in ("pc", "q35") for boot in ("kernel", "iso-bios", "iso-uefi") for smp in (1, 2, 4)]
BOOTS += [Boot("pc", "kernel", 1, "32M"), Boot("q35", "iso-bios", 2, "64M"), Boot("q35", "iso-uefi", 4, "6G"),
          Boot("q35", "kernel", 2, options="nomsi"), Boot("pc", "kernel", 2, options="nox2apic")]

REPORT = re.compile(r"^TEST (\w+) (?:(ok)|FAILED: (.*)|skipped: (.*))$")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def kernel_tests():
    """Names of the in-kernel tests of the debug kernel, in its order."""
    elf = BUILD / "debug" / "portolan.elf"
    if not elf.exists():
        pytest.exit(f"there is no {elf}: start the tests with ./portolan test", 1)
    nm = shutil.which("nm") or "x86_64-elf-nm"
    symbols = subprocess.run([nm, "-n", elf], capture_output=True, text=True, check=True).stdout
    return re.findall(r" ktest_entry_(\w+)$", symbols, re.MULTILINE)


class Report:
    """What a boot reported: for each test `ok` or a list of failures or the reason to skip it."""

    def __init__(self, done):
        self.passed, self.failed, self.skipped = set(), {}, {}
        self.trouble = None
        summary = None
        for line in done.stdout.splitlines():
            if match := REPORT.match(line.strip()):
                self.add(*match.groups())
            elif match := SUMMARY.match(line.strip()):
                summary = tuple(map(int, match.groups()))
        counted = (len(self.passed), len(self.failed), len(self.skipped))
        where = f"status {done.returncode}:\n{tail(done.stdout, 15)}\n{tail(done.stderr)}"
        if summary is None:
            self.trouble = f"the boot died with {where}"
        elif summary != counted:
            self.trouble = f"the report says {summary} passed, failed, skipped; its lines {counted}; {where}"
        elif done.returncode != (1 if self.failed else 0):
            self.trouble = f"the report {summary} does not go with {where}"

    def add(self, name, ok, failure, skip):
        if ok:
            self.passed.add(name)
        elif skip is not None:
            self.skipped[name] = skip
        else:
            self.failed.setdefault(name, []).append(failure)


def boot_run(boot, names):
    way = {"kernel": ["--boot", "kernel"], "iso-bios": ["--boot", "iso"],
           "iso-uefi": ["--boot", "iso", "--firmware", "uefi"]}[boot.boot]
    wanted = ",".join(names)
    pattern = "test=" + wanted if set(names) != set(kernel_tests()) and len(wanted) < NAMES_MAX else "test"
    return Report(portolan("exec", *way, "--machine", boot.machine, "--smp", boot.smp, "--mem", boot.mem,
                           "--timeout", 240, "--qemu", DEVICES, "--append", f"{pattern} {boot.options}".strip()))


@pytest.fixture(scope="session")
def boots(request):
    """The report of a configuration; booted once, with all the tests that this session wants of it."""
    reports = {}

    def report(boot):
        if boot not in reports:
            names = [item.callspec.params["name"] for item in request.session.items
                     if getattr(item, "callspec", None) and item.callspec.params.get("boot") == boot]
            reports[boot] = boot_run(boot, names)
        return reports[boot]

    return report
