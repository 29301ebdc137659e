"""What docs/writing-a-miniport.md says, done: from a copy of a template to a disk, and what is said when something is wrong."""

import hashlib
import shutil
import subprocess

import pytest

from launcher import ROOT, portolan

EDU = ("--qemu", "-device edu")
MAKE = ["make", "-s", "-f", ROOT / "drivers/miniport/miniport.mk"]


def make_copy(kind, tmp_path, *changes):
    """A folder with the built template; changes: pairs of texts of its source."""
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "drivers/miniport/template" / kind, folder)
    source = folder / "ramdisk.c"
    for old, new in changes:
        assert old in source.read_text()
        source.write_text(source.read_text().replace(old, new))
    subprocess.run(MAKE + ([] if changes else ["W=1"]), cwd=folder, check=True, timeout=120)
    return folder


def run(folder, command, *options, **more):
    return portolan("exec", "--driver", folder / "ramdisk.sys", "--driver", folder / "ramdisk.inf", *options, "--", command,
                    **more)


@pytest.mark.parametrize("kind, options", [("scsiport", ()), ("ataport", EDU)])
def test_a_template_serves_a_disk(kind, options, tmp_path):
    folder = make_copy(kind, tmp_path)
    done = run(folder, "mkfs.fat -n RAM /dev/sda >/dev/null && mount /dev/sda /mnt && cp /bin/busybox /mnt && umount /mnt && "
               "mount /dev/sda /mnt && sha256sum < /mnt/busybox && ports | awk '/ramdisk/ { print $NF, $(NF - 1) }'", *options)
    digest, state = done.stdout.splitlines()
    assert digest.split()[0] == hashlib.sha256(shutil.which("busybox") and open(shutil.which("busybox"), "rb").read()).hexdigest()
    assert state == "- 0", done.stdout + done.stderr  # no rule is broken


def test_a_template_is_loaded_from_a_fat_volume_and_unloaded(tmp_path):
    folder = make_copy("scsiport", tmp_path)
    image = tmp_path / "drivers.img"
    subprocess.run(["/sbin/mkfs.fat", "-C", image, "4096"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", image, folder / "ramdisk.sys", "::"], check=True)
    done = portolan("exec", "--disk", f"ahci:{image}", "--",
                    "drivers load /mnt/sda/ramdisk.sys; disks | grep -c RAM; drivers unload ramdisk.sys; disks | grep -c RAM; "
                    "drivers load /mnt/sda/ramdisk.sys; dd if=/dev/sdb bs=1M count=16 2>/dev/null | wc -c")
    assert [line for line in done.stdout.splitlines() if line.isdigit()] == ["1", "0", str(16 << 20)], done.stdout + done.stderr


DEFAULT = "        return refuse(srb, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_COMMAND);"
FEW = ("    case SCSIOP_TEST_UNIT_READY:\n    case SCSIOP_START_STOP_UNIT:\n    case SCSIOP_SYNCHRONIZE_CACHE: /* nothing is held back */\n"
       "        return SRB_STATUS_SUCCESS;\n", "")


@pytest.mark.parametrize("answer, cache", [("SRB_STATUS_INVALID_REQUEST", "write through"), ("SRB_STATUS_ERROR", "write through"),
                                           ("SRB_STATUS_SUCCESS", "write back")])
def test_a_driver_that_knows_four_commands_serves_a_disk(answer, cache, tmp_path):
    """INQUIRY, READ CAPACITY, READ and WRITE; all else it refuses, with or without sense data, or says yes to without doing it."""
    folder = make_copy("scsiport", tmp_path, FEW, (DEFAULT, f"        return {answer};"))
    done = run(folder, "cat /sys/block/sda/queue/write_cache; mkfs.fat -n RAM /dev/sda >/dev/null && mount /dev/sda /mnt && "
                       "cp /bin/busybox /mnt && sync && umount /mnt && mount /dev/sda /mnt && cmp /mnt/busybox /bin/busybox && disks")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == cache and " 16 MiB " in done.stdout, done.stdout


def test_a_disk_that_starts_up_is_waited_for(tmp_path):
    """Twelve times NOT READY, becoming so (SPC-4, 4.5.2), which is asked again after a pause."""
    capacity = "read_capacity(PSCSI_REQUEST_BLOCK srb)\n{\n    UCHAR data[8];\n"
    waiting = ("    static ULONG asked;\n    UCHAR status = refuse(srb, SCSI_SENSE_NOT_READY, 4);\n\n    if (asked++ < 12) {\n"
               "        ((UCHAR *)srb->SenseInfoBuffer)[13] = 1;\n        return status;\n    }\n    srb->ScsiStatus = SCSISTAT_GOOD;\n"
               "    srb->DataTransferLength = 8;\n")
    done = run(make_copy("scsiport", tmp_path, (capacity, capacity + waiting)), "disks")
    assert "PORTOLAN RAM DISK" in done.stdout, done.stdout + done.stderr


def test_a_device_driver_is_given_its_device_by_hand(tmp_path):
    folder = make_copy("ataport", tmp_path)
    done = portolan("exec", "--driver", folder / "ramdisk.sys", *EDU, "--",
                    "drivers load /drivers/ramdisk.sys; d=$(lspci | awk '/1234:11e8|edu/ { print $1 }'); "
                    "drivers bind ${d:-0000:00:02.0} ramdisk.sys && disks")
    assert "PORTOLAN RAM" in done.stdout, done.stdout + done.stderr


END = "    ScsiPortNotification(RequestComplete, extension, srb);"
WRONG = {
    "structure": (("HwInitializationDataSize = sizeof(hw)", "HwInitializationDataSize = 100"),
                  ["HwInitializationDataSize is 100, not 128 or 120 (S-013)", "STATUS_REVISION_MISMATCH (0xc0000059)"]),
    "routine": (("                                 .HwResetBus = HwResetBus,\n", ""), ["HwResetBus is NULL (S-014)"]),
    "twice": ((END, END + "\n" + END), ["twice, or after the port took it back (S-089)"]),
    "fault": ((END, "    if (srb->Cdb[0] == SCSIOP_READ)\n        *(volatile UCHAR *)16 = 1;\n" + END),
              ["wrote to address 0000000000000010, which is not mapped, at ramdisk.sys+", "failed; its units answer with errors"]),
    "place": (("    return TRUE;\n}\n\n/* The bus is reset", "    (void)ScsiPortGetDeviceBase(extension, Isa, 0, "
              "ScsiPortConvertUlongToPhysicalAddress(0x300), 8, TRUE);\n    return TRUE;\n}\n\n/* The bus is reset"), ["ScsiPortGetDeviceBase was called outside of HwScsiFindAdapter (S-057)"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(what, tmp_path):
    change, texts = WRONG[what]
    done = run(make_copy("scsiport", tmp_path, change), "dmesg")
    assert done.returncode == 0
    for text in texts:
        assert text in done.stdout, done.stdout


def test_a_missing_import_is_named(tmp_path):
    folder = make_copy("scsiport", tmp_path)
    driver = folder / "ramdisk.sys"
    image = bytearray(driver.read_bytes().replace(b"ScsiPortCompleteRequest\0", b"ScsiPortCompleteNothing\0"))
    checksum = int.from_bytes(image[0x3c:0x40], "little") + 24 + 64
    image[checksum:checksum + 4] = bytes(4)  # none
    driver.write_bytes(image)
    done = run(folder, "drivers info /drivers/ramdisk.sys; echo status $?; dmesg")
    assert "status 1" in done.stdout and "/drivers/ramdisk.sys: 1 of its imports are missing" in done.stderr
    assert "ScsiPortCompleteNothing" in done.stdout.split("[    0.0")[0]
    assert [line for line in done.stdout.splitlines() if "ramdisk" in line and "ScsiPortCompleteNothing" in line], done.stdout


def test_a_request_that_never_ends_is_said(tmp_path):
    never = (END, "    if (srb->Cdb[0] != SCSIOP_READ)\n    " + END)
    image = tmp_path / "other.img"
    image.write_bytes(bytes(4 << 20))
    done = run(make_copy("scsiport", tmp_path, never), "disks; while ! dmesg | grep 'partition table'; do sleep 1; done; dmesg; drivers",
               "--timeout", "500", "--disk", f"ahci:{image}", timeout=600)
    assert "command 0x28 not completed within its 30 s" in done.stdout, done.stdout + done.stderr
    assert "sda: the partition table cannot be read" in done.stdout or "sdb: the partition table cannot be read" in done.stdout
    assert "drivers still look for disks after 20 s: the system starts" in done.stdout
    assert "4 MiB  ATA QEMU HARDDISK" in done.stdout.split("partition table")[0]  # it is used meanwhile
