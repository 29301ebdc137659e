"""Miniports that do not know of us: built with mingw's own headers and libraries, loaded as they are."""

import hashlib
import random
import re
import subprocess

import pytest

from launcher import ROOT, portolan

HERE = ROOT / "tests/system/outsider"
DDK = "/usr/x86_64-w64-mingw32/include/ddk"
IMPORTS = ["Initialize", "Notification", "CompleteRequest", "GetPhysicalAddress", "GetDeviceBase", "FreeDeviceBase",
           "GetUncachedExtension", "GetBusData", "ConvertUlongToPhysicalAddress", "StallExecution"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(name, flags): the driver, built as its author would."""
    folder = tmp_path_factory.mktemp("outsider")
    (folder / "scsiport.def").write_text("LIBRARY scsiport.sys\nEXPORTS\n" + "".join(f"ScsiPort{name}\n" for name in IMPORTS))
    subprocess.run(["x86_64-w64-mingw32-dlltool", "-d", "scsiport.def", "-l", "libscsiport.a"], cwd=folder, check=True)

    def build(name, *flags):
        subprocess.run(["x86_64-w64-mingw32-gcc", "-O2", "-w", "-I", DDK, *flags, "-nostdlib", "-Wl,--subsystem,native",
                        "-Wl,--entry,DriverEntry", "-o", f"{name}.sys", HERE / f"{name}.c", "-L.", "-lscsiport", "-lntoskrnl", "-lhal"],
                       cwd=folder, check=True, timeout=60)
        return "--driver", folder / f"{name}.sys", "--driver", HERE / f"{name}.inf"

    return build


@pytest.mark.parametrize("smp, mem", [(1, "256M"), (4, "6G")])
def test_a_bus_master_that_queues_commands(built, tmp_path, smp, mem):
    image = tmp_path / "disk.img"
    image.write_bytes(random.Random(7).randbytes(16 << 20))
    done = portolan("exec", *built("vblk"), "--smp", smp, "--mem", mem, "--qemu",
                    f"-drive if=none,id=v,format=raw,file={image} -device virtio-blk-pci,drive=v,disable-modern=on", "--",
                    "disks; ports; sha256sum < /dev/sda; grep scsi0 /proc/interrupts; d=$(disks | awk '/vblk/ { print $NF }'); "
                    "dd if=/dev/zero of=/dev/sda bs=64k count=32 seek=5 oflag=direct 2>/dev/null; sync; drivers unbind $d; "
                    "drivers unload vblk.sys; drivers load /drivers/vblk.sys; drivers bind $d vblk.sys; sha256sum < /dev/sda",
                    timeout=180)
    before = random.Random(7).randbytes(16 << 20)
    after = image.read_bytes()
    assert after == before[:5 << 16] + bytes(32 << 16) + before[37 << 16:]
    assert re.findall(r"^([0-9a-f]{64})  -$", done.stdout, re.M) == [hashlib.sha256(data).hexdigest() for data in (before, after)]
    assert re.search(r"^sda +16 MiB +Outside Disk +scsi0:0:0:0 ", done.stdout, re.M), done.stdout + done.stderr
    assert re.search(r"^scsi0 +running .* 0 +-$", done.stdout, re.M), done.stdout
    assert "message" not in re.search(r".*scsi0$", done.stdout, re.M).group(), done.stdout


@pytest.mark.parametrize("smp", [1, 4])
def test_an_adapter_of_each_channel(built, tmp_path, smp):
    """They have one function together, but registers and lines of their own, and their disks come in the order of being found."""
    before = [random.Random(n).randbytes(2 << 20) for n in range(2)]
    disks = ""
    for n in range(2):
        (tmp_path / f"{n}.img").write_bytes(before[n])
        disks += f"-drive if=none,id=d{n},format=raw,file={tmp_path}/{n}.img -device ide-hd,bus=ide.{n},drive=d{n} "
    done = portolan("exec", *built("channels"), "--machine", "pc", "--smp", smp, "--append", "driver.exclude=ide,atadisk", "--qemu", disks,
                    "--", "both() { sha256sum /dev/sda & sha256sum /dev/sdb & wait; }; both; dd if=/dev/zero of=/dev/sdb bs=32k count=4 "
                    "oflag=direct 2>/dev/null; sync; grep scsi /proc/interrupts; ports; drivers unload channels.sys; "
                    "drivers load /drivers/channels.sys; both; drivers unload channels.sys; drivers load /drivers/ide.sys; "
                    "drivers bind 0000:00:01.1 ide.sys; disks", timeout=180)
    after = [(tmp_path / f"{n}.img").read_bytes() for n in range(2)]
    assert after == [before[0], bytes(128 << 10) + before[1][128 << 10:]]
    sums = re.findall(r"^([0-9a-f]{64})  /dev/(sd[ab])$", done.stdout, re.M)
    assert sorted(sums[:2]) == sorted((hashlib.sha256(b).hexdigest(), name) for b, name in zip(before, ("sda", "sdb"))), done.stdout
    assert sorted(sums[2:]) == sorted((hashlib.sha256(b).hexdigest(), name) for b, name in zip(after, ("sda", "sdb"))), done.stdout
    assert re.findall(r"^ *(14|15): .* (scsi\d)$", done.stdout, re.M) == [("14", "scsi0"), ("15", "scsi1")], done.stdout
    assert len(re.findall(r"^scsi\d +running .* 0 +-$", done.stdout, re.M)) == 2, done.stdout
    assert len(re.findall(r"ata0:[01]:0:0", done.stdout)) == 2, done.stdout  # the function is free again
