"""iotrace: the way of one request through the layers, on each controller, and the same as JSON; what it leaves behind: nothing."""

import json
import re
import shutil
import subprocess

import pytest

from launcher import ROOT, portolan

READ = "dd if=/dev/sda bs=4k skip=5 count=1 iflag=direct of=/dev/null 2>/dev/null"
BLOCK = r"sda: read 4096 bytes at 20480"
CDB = r"READ\(10\) block 40, 8 blocks  \[28 00 00 00 00 28 00 00 08 00\]"
END = r"SRB status 0x01, SCSI status 0x00, sense 0/00/00, 4096 bytes"

# In this order, among other lines.
WAY = {
    "ahci": [BLOCK, CDB, r"IRB ATA_READ channel \d target 0: READ DMA \S+ LBA 40, 8 sectors DRDY DMA IN", r"IdeHwStartIo\(\)  IRQL \d",
             r"PxCI \d <- 0x[0-9a-f]{8}", r"interrupt, vector", r"IdeHwInterrupt\(\)", r"PxIS \d -> 0x[0-9a-f]{8}",
             r"PxIS \d <- ", r"request completed", r"DPC completion_dpc", END, "sda: read done"],
    "ide": [BLOCK, CDB, "IRB ATA_READ", "Device <- 0xe0", "BM PRD Table <- ", "Sector Count <- 0x08", "LBA Low <- 0x28",
            "Command <- 0xc8", "interrupt, vector", "BM Status -> 0x04", "Status -> 0x50", "request completed", END],
    "isa-ide": [BLOCK, CDB, "IRB ATA_READ", "Alternate Status -> 0x50", "Command <- 0x", "Data -> 2048 items of 2 bytes", END],
    "am53c974": [BLOCK, CDB, r"SRB function 0x00 bus 0 target 0 lun 0 tag 0x..: READ\(10\) block 40", "CMDREG <- 0xc2",
                 "DMA STC <- 0x00001000", "INSTREG -> 0x", "request completed", END],
    "lsi": [BLOCK, CDB, "SRB function 0x00", "ISTAT <- 0x20", "interrupt, vector", "DSTAT -> 0x84", "request completed", END],
}


def image(tmp_path, size=8 << 20):
    path = tmp_path / "disk.img"
    path.write_bytes(b"\0" * size)
    return path


def in_order(text, patterns):
    at = 0
    for pattern in patterns:
        match = re.compile(pattern).search(text, at)
        assert match, f"'{pattern}' is not in\n{text[at:]}"
        at = match.end()


@pytest.mark.parametrize("controller", WAY)
def test_the_way_of_a_read(controller, tmp_path):
    done = portolan("exec", "--disk", f"{controller}:{image(tmp_path)}", "--", f"killall automount; iotrace {READ}; echo status $?")
    assert done.stdout.endswith("status 0\n"), done.stdout + done.stderr
    in_order(done.stdout, [r"us +\+us CPU", *WAY[controller]])
    assert re.search(r"read\(0x0, 0x[0-9a-f]+, 0x1000\)  process \d+\n.*" + BLOCK, done.stdout), done.stdout
    assert "ports" not in done.stderr


def test_the_way_of_a_file(tmp_path):
    """Its directory, then its first page: each a miss of the cache, a block request, an interrupt. The second time there is none."""
    path = image(tmp_path, 300 << 20)
    subprocess.run(["/sbin/mkfs.fat", "-F", "32", "-s", "8", "-n", "T", path], check=True, capture_output=True)
    (tmp_path / "a file.txt").write_text("contents\n" * 4000)
    subprocess.run(["mcopy", "-i", path, tmp_path / "a file.txt", "::"], check=True)
    done = portolan("exec", "--disk", f"ahci:{path}", "--", "killall automount; cd /mnt/T; iotrace sh -c 'cat a*txt >/dev/null'; echo again; "
                    "iotrace sh -c 'cat a*txt >/dev/null'")
    first, again = done.stdout.split("again\n")
    in_order(first, [r"cache of sda: page \d+ is not there", "sda: read", "interrupt", r"sda: read done",
                     r"sendfile\(|read\(", r"cache of sda: page \d+ is not there", "sda: read", "PxCI", "sda: read done"])
    assert again == "no request: all that was read was in memory\n"


def test_instructions_are_counted_where_they_can_be(tmp_path):
    done = portolan("exec", "--disk", f"ahci:{image(tmp_path)}", "--smp", 1, "--qemu", "-icount shift=0", "--",
                    f"killall automount; iotrace {READ}")
    assert re.search(r"us +\+us +INSTR CPU\n", done.stdout), done.stdout + done.stderr
    rows = re.findall(r"^ *([\d.]+) +([\d.]+) +(\d+) +0  ", done.stdout, re.M)
    assert len(rows) > 15 and all(round(float(delta) * 1000) == int(count) for _, delta, count in rows), done.stdout


def test_a_trace_for_perfetto(tmp_path):
    done = portolan("exec", "--disk", f"ahci:{image(tmp_path)}", "--", f"killall automount; iotrace -o /tmp/trace {READ}; cat /tmp/trace")
    events = json.loads(done.stdout)["traceEvents"]
    assert {"syscall", "block", "srb", "irb", "call", "register", "interrupt", "dpc"} <= {e.get("cat") for e in events}
    assert all(e["ph"] in "MBEbei" and isinstance(e["pid"], int) for e in events)
    begun = {}
    for e in events:
        if e["ph"] in "bB":
            begun.setdefault((e["cat"], e["tid"] if e["ph"] == "B" else e["id"]), []).append(e["ts"])
        elif e["ph"] in "eE":
            assert begun[(e["cat"], e["tid"] if e["ph"] == "E" else e["id"])].pop() <= e["ts"]
    assert not [key for key, left in begun.items() if left]


def test_only_one_trace_at_a_time_and_all_exit_statuses(tmp_path):
    done = portolan("exec", "--", "iotrace -s sh -c 'iotrace true; exit 3' | grep -c CPU; iotrace sh -c 'exit 3' >/dev/null; echo $?; "
                    "iotrace nosuch 2>&1; echo $?; iotrace 2>/dev/null; echo $?; iotrace -s sleep 0 | grep -c nanosleep; echo x >/dev/trace")
    assert done.stdout.splitlines() == ["1", "3", "iotrace: nosuch: No such file or directory",
                                        "no request: all that was read was in memory", "127", "2", "2"], done.stdout + done.stderr
    assert "another trace is under way" in done.stderr and done.returncode == 1


@pytest.mark.parametrize("smp", [1, 4])
def test_under_load_nothing_is_lost_and_nothing_stays_watched(smp, tmp_path):
    disks = [arg for n, c in enumerate(("ahci", "ide", "am53c974", "lsi"))
             for arg in ("--disk", f"{c}:{image_named(tmp_path, n)}")]
    done = portolan("exec", *disks, "--smp", smp, "--timeout", 400, "--",
                    "for d in a b c d; do sha256sum /dev/sd$d; done > /tmp/before; echo 3 > /proc/sys/vm/drop_caches 2>/dev/null; "
                    "for n in 1 2 3; do iotrace sh -c 'for d in a b c d; do dd if=/dev/sd$d bs=64k iflag=direct 2>/dev/null | "
                    "sha256sum & done; wait' 2>&1 >/dev/null | grep -v room; done; "
                    "for d in a b c d; do dd if=/dev/sd$d bs=64k iflag=direct 2>/dev/null | sha256sum; done | cut -c1-64 > /tmp/after; "
                    "cut -c1-64 /tmp/before | cmp - /tmp/after && echo same; ports | awk '$2 == \"running\" { n += $8 } END { print n }'",
                    timeout=500)
    assert done.stdout == "same\n0\n", done.stdout + done.stderr


def image_named(tmp_path, n):
    path = tmp_path / f"{n}.img"
    path.write_bytes(bytes([(n * 7 + i) % 251 for i in range(4096)]) * 512)
    return path


def test_a_driver_that_goes_and_comes_while_it_is_watched(tmp_path):
    done = portolan("exec", "--disk", f"ahci:{image(tmp_path)}", "--", "iotrace sh -c 'drivers unbind 0000:00:1f.2; "
                    "drivers bind 0000:00:1f.2 ahci.sys'; head -c 4096 /dev/sda | wc -c; iotrace " + READ + " | grep -c PxCI")
    started, read, seen = done.stdout.rstrip().rsplit("\n", 2)
    assert read == "4096" and int(seen) >= 1, done.stdout + done.stderr
    in_order(started, [r"IdeHwControl|AtaAdapterControl", "GHC <- 0x", "PxCMD 0 <- 0x"])


def test_what_finds_no_room_and_no_file_is_said(tmp_path):
    done = portolan("exec", "--disk", f"ahci:{image(tmp_path)}", "--", "iotrace dd if=/dev/sda of=/dev/null bs=2k iflag=direct 2>&1 >/dev/null "
                    "| grep room; iotrace -o /no/where touch /tmp/it; echo $?; ls /tmp/it")
    assert re.search(r"^iotrace: \d+ more events found no room: the first ones are shown\n1\n$", done.stdout), done.stdout
    assert "iotrace: /no/where: No such file or directory" in done.stderr


# What tests/drivers/inlined.c does, as it is to be seen: offset, direction, value.
INLINED = ["4 <- 0x12345678", "4 -> 0xedcba987", "4 <- 0x0000000f", "200 <- 0x11", "202 <- 0x2222", "208 <- 0xfffffffffffffffe",
           "210 -> 0x00", "212 -> 0x0000", "218 -> 0x[0-9a-f]{16}", "220 <- 0xabcdef01", "4 <- 0xabcdef01", "4 -> 0xfffffff0",
           r"230 -> \(4 bytes\)", r"230 <- \(4 bytes\)", r"0 -> \(4 bytes\)",
           "300 <- 0x00000011", "304 <- 0x00000022", "308 <- 0x00000033", "30c <- 0x00000044", "320 <- 0xbeef", "322 <- 0xbeef",
           "0 -> 0x010000ed", "4 -> 0x543210fe", "0 -> 0x010000ed", r"340 -> \(16 bytes\)", r"340 <- \(16 bytes\)",
           r"0 -> \(4 bytes\)", r"2000 <- \(4 bytes\)", "ffe -> 0x[0-9a-f]{8}"]


@pytest.mark.parametrize("smp", [1, 4])
def test_a_driver_that_inlines_its_registers(smp, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "drivers/miniport/template/scsiport", folder)
    shutil.copy(ROOT / "tests/drivers/inlined.c", folder)
    source, text = folder / "ramdisk.c", (folder / "ramdisk.c").read_text()
    for old, new in {"struct adapter {": "void registers_touch(volatile UCHAR *r);\nstruct adapter {\n    UCHAR *registers;",
                     "    if (lba > SECTORS": "    registers_touch(a->registers);\n    if (lba > SECTORS",
                     "    config->NumberOfBuses": "    ((struct adapter *)extension)->registers = ScsiPortGetDeviceBase(extension, PCIBus, "
                     "config->SystemIoBusNumber, (*config->AccessRanges)[0].RangeStart, 0x3000, FALSE);\n    config->NumberOfBuses",
                     "Isa, /*": "PCIBus, .NumberOfAccessRanges = 1, .VendorId = \"1234\", .VendorIdLength = 4, .DeviceId = \"11E8\", "
                     ".DeviceIdLength = 4, /*"}.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    source.write_text(text)
    subprocess.run(["make", "-s", "-f", ROOT / "drivers/miniport/miniport.mk"], cwd=folder, check=True, timeout=120)
    done = portolan("exec", "--smp", smp, "--qemu", "-device edu", "--driver", folder / "ramdisk.sys", "--driver", folder / "ramdisk.inf", "--",
                    f"iotrace {READ}; ports | grep ramdisk; {READ} && echo still")
    seen = re.findall(r"BAR 0\+0x([0-9a-f]+ (?:->|<-) .*)", done.stdout)
    assert len(seen) == len(INLINED) and all(map(re.fullmatch, INLINED, seen)), done.stdout + done.stderr
    assert re.search(r"scsi0 +running .* 0 +-\nstill\n$", done.stdout), done.stdout
