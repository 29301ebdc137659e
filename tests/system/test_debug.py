"""./portolan debug, as docs/debugging.md says: symbols of drivers, breakpoints in them, requests as text."""

import os
import shutil
import signal
import subprocess

import pytest

from launcher import LAUNCHER, ROOT, environment

MAKE = ["make", "-s", "-f", ROOT / "drivers/miniport/miniport.mk", "W=1"]


def debug(commands, *options, timeout=180):
    """What gdb says to these commands; whatever happens, it and its machine end."""
    process = subprocess.Popen([LAUNCHER, "debug", "--boot", "kernel", *map(str, options)], env=environment({}), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process.communicate("\n".join([*commands, "kill", "quit", ""]), timeout=timeout)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


@pytest.mark.parametrize("kind, options, request_text",
                         [("scsiport", (), "SRB EXECUTE_SCSI 0:0:0 INQUIRY [12 00 00 00 24 00], 36 bytes, PENDING"),
                          ("ataport", ("--qemu", "-device edu"), "IRB ATA_IDENTIFY 0:0:0 command 0xec LBA 0, 512 bytes, PENDING")])
def test_a_template_in_gdb(kind, options, request_text, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "drivers/miniport/template" / kind, folder)
    subprocess.run(MAKE, cwd=folder, check=True, timeout=120)
    block = "srb" if kind == "scsiport" else "irb"
    said = debug(["break DriverEntry", "continue", "continue", "break ramdisk.c:HwStartIo", "continue", "backtrace 1", f"print *{block}"],
                 *options, "--append", "driver.exclude=ahci", "--driver", folder / "ramdisk.sys", "--driver", folder / "ramdisk.inf")
    assert "ramdisk.sys: symbols from " in said and "hit Breakpoint 2, DriverEntry (driver=0x" in said, said
    assert "at ramdisk.c:" in said and f"{block}=0x" in said, said
    assert request_text in said, said


def test_our_own_miniports_have_symbols(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20))
    said = debug(["break ahci.c:startio", "continue", "continue", "print *irb"], "--disk", f"ahci:{image}")
    assert "ahci.sys: symbols from " in said, said
    assert "/ahci.sys.debug" in said and "hit Breakpoint 2" in said and "= IRB ATA_IDENTIFY" in said, said
