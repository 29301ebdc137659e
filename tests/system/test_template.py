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


def test_a_changed_driver_is_not_taken_for_the_one_that_runs(tmp_path):
    folder = make_copy("scsiport", tmp_path)
    done = run(folder, "drivers load /drivers/ramdisk.sys; echo $?; drivers unload ramdisk.sys && drivers load /drivers/ramdisk.sys; echo $?")
    assert done.stdout == "1\n0\n", done.stdout + done.stderr
    assert "load /drivers/ramdisk.sys: a driver of that name is loaded: unload it first" in done.stderr


def test_what_was_written_is_there_when_the_driver_is_taken_away(tmp_path):
    image = tmp_path / "disk.img"
    subprocess.run(["/sbin/mkfs.fat", "-C", image, "4096"], check=True, stdout=subprocess.DEVNULL)
    done = portolan("exec", "--disk", f"ahci:{image}", "--", "seq 20000 > /mnt/sda/numbers && drivers unbind 0000:00:1f.2")
    assert done.returncode == 0, done.stderr
    seen = subprocess.run(["mcopy", "-i", image, "::numbers", "-"], check=True, capture_output=True).stdout
    assert seen == b"".join(b"%d\n" % n for n in range(1, 20001))


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


ROOT_INF = """[Version]
Signature = "$WINDOWS NT$"
[Manufacturer]
maker = Models, NTamd64
[Models.NTamd64]
"RAM disk" = Install, ROOT\\RamDisk
[Install]
[Install.Services]
AddService = ramdisk, 2, Service
[Service]
ServiceType   = 1
StartType     = 3
ServiceBinary = %12%\\ramdisk.sys
"""
PNP = [("    BOOLEAN *found = context;\n\n", "\n"), ("    if (*found)\n        return SP_RETURN_NOT_FOUND;\n    *found = TRUE;\n", ""),
       ("ULONG NTAPI\nDriverEntry", "static SCSI_ADAPTER_CONTROL_STATUS NTAPI\nHwAdapterControl(PVOID extension, SCSI_ADAPTER_CONTROL_TYPE type, PVOID list)\n"
        "{\n    return ScsiAdapterControlSuccess;\n}\n\nULONG NTAPI\nDriverEntry"),
       ("                                 .MapBuffers = TRUE,", "                                 .HwAdapterControl = HwAdapterControl, .MapBuffers = TRUE,")]


@pytest.mark.parametrize("changes", [(), PNP], ids=["legacy", "pnp"])
def test_a_device_of_the_system_itself_is_there_once(changes, tmp_path):
    """ROOT\\... in the INF file: no bus brings it, and Windows' device manager is not there to."""
    folder = make_copy("scsiport", tmp_path, *changes)
    (folder / "ramdisk.inf").write_text(ROOT_INF)
    done = run(folder, "disks; drivers unload ramdisk.sys && disks | grep -c RAM; drivers load /drivers/ramdisk.sys")
    assert done.stdout.count("PORTOLAN RAM DISK") == 1 and done.stdout.splitlines()[-1] == "0", done.stdout + done.stderr


def test_a_driver_without_an_inf_file_is_told_of(tmp_path):
    folder = make_copy("scsiport", tmp_path)
    done = portolan("exec", "--driver", folder / "ramdisk.sys", "--", "dmesg; drivers load /drivers/ramdisk.sys; disks")
    assert '/drivers/ramdisk.sys: no INF file names it, so it is not started: "drivers load' in done.stdout, done.stdout
    assert done.stdout.count("no INF file names it") == 1 and "PORTOLAN RAM DISK" in done.stdout, done.stdout


def test_a_device_driver_is_given_its_device_by_hand(tmp_path):
    folder = make_copy("ataport", tmp_path)
    done = portolan("exec", "--driver", folder / "ramdisk.sys", *EDU, "--",
                    "drivers load /drivers/ramdisk.sys; d=$(lspci | awk '/1234:11e8|edu/ { print $1 }'); "
                    "drivers bind ${d:-0000:00:02.0} ramdisk.sys && disks")
    assert "PORTOLAN RAM" in done.stdout, done.stdout + done.stderr


END = "    ScsiPortNotification(RequestComplete, extension, srb);"
ATA_END = "    AtaPortCompleteRequest(extension, irb);"
INITIALIZE = "HwInitialize(PVOID extension)\n{\n"
IDE_START = "        channel->NumberOfOverlappedRequests = 1;\n"
READ = "    if (srb->Cdb[0] == SCSIOP_READ)\n        "

# Of each port: what is written instead of what, and what is said then. A number in brackets leads to docs/contract or docs/checks.md.
WRONG = {
    "structure": ("scsiport", "HwInitializationDataSize = sizeof(hw)", "HwInitializationDataSize = 100",
                  "HwInitializationDataSize is 100, not 128 or 120 (S-013)", "STATUS_REVISION_MISMATCH (0xc0000059)"),
    "routine": ("scsiport", "                                 .HwResetBus = HwResetBus,\n", "", "HwResetBus is NULL (S-014)"),
    "argument": ("scsiport", "ScsiPortInitialize(driver, registry, &hw", "ScsiPortInitialize(driver, driver, &hw",
                 "ScsiPortInitialize refuses: its arguments are not those of DriverEntry (S-002)"),
    "bus": ("scsiport", "Isa, /*", "Eisa, /*", "the machine has no bus of AdapterInterfaceType 2 (S-017)"),
    "nothing": ("scsiport", "    return ScsiPortInitialize(driver, registry, &hw, &found);", "    (void)hw;\n    return 0;",
                "its DriverEntry has called neither ScsiPortInitialize nor AtaPortInitializeEx with success: it serves nothing"),
    "never found": ("scsiport", "    if (*found)\n", "", "HwScsiFindAdapter found no adapter (S-036)", "STATUS_NO_SUCH_DEVICE"),
    "no function": ("scsiport", "Isa, /*", 'PCIBus, .VendorId = "1234", .VendorIdLength = 4, .DeviceId = "5678", .DeviceIdLength = 4, /*',
                    "HwScsiFindAdapter was not called: no free PCI function has its VendorId and DeviceId (S-036)"),
    "find": ("scsiport", "    return SP_RETURN_FOUND;", "    return 77;", "HwScsiFindAdapter returned a value that is none (S-039)"),
    "targets": ("scsiport", "MaximumNumberOfTargets = 1", "MaximumNumberOfTargets = 0", "MaximumNumberOfTargets is 0: it has no units (S-063)"),
    "inquiry": ("scsiport", "    case SCSIOP_INQUIRY:\n", "", "bus 0 target 0 lun 0: INQUIRY is refused, sense 5/20/00: no unit (S-064)"),
    "capacity": ("scsiport", "put_be32(data + BLOCK_LENGTH, SECTOR)", "put_be32(data + BLOCK_LENGTH, 520)",
                 "READ CAPACITY says that its blocks have 520 bytes: not a power of two from 512 to 4096"),
    "next": ("scsiport", "    ScsiPortNotification(NextRequest, extension);\n", "",
             "scsi0: no NextRequest within 10 s after its last request ended (S-066)"),
    "twice": ("scsiport", END, END + "\n" + END, "twice, or after the port took it back (S-089)"),
    "more": ("scsiport", END, READ + "srb->DataTransferLength += 100;\n" + END, "612 bytes transferred of 512 (check 18)"),
    "status": ("scsiport", END, READ + "srb->SrbStatus = SRB_STATUS_TIMEOUT;\n" + END,
               "sda: reading of 512 bytes at byte 0 failed: EIO, SRB status TIMEOUT (0x9)"),
    "fault": ("scsiport", END, READ + "*(volatile UCHAR *)16 = 1;\n" + END,
              "wrote to address 0000000000000010, which is not mapped, at ramdisk.sys+", "failed; its units answer with errors"),
    "call": ("scsiport", END, READ + "((void (*volatile)(void))NULL)();\n" + END,
             "executed address 0000000000000000, which is not mapped", "called from ramdisk.sys+"),
    "overrun": ("scsiport", INITIALIZE, INITIALIZE + "    ((volatile struct adapter *)extension)[1].disk[16] = 1;\n",
                "HwScsiInitialize wrote to address ", "HwScsiInitialize wrote to address "),
    "place": ("scsiport", "    return TRUE;\n}\n\n/* The bus is reset", "    (void)ScsiPortGetDeviceBase(extension, Isa, 0, "
              "ScsiPortConvertUlongToPhysicalAddress(0x300), 8, TRUE);\n    return TRUE;\n}\n\n/* The bus is reset",
              "ScsiPortGetDeviceBase was called outside of HwScsiFindAdapter (S-057)"),
    "uncached": ("scsiport", INITIALIZE, INITIALIZE + "    (void)ScsiPortGetUncachedExtension(extension, NULL, 4096);\n",
                 "ScsiPortGetUncachedExtension was called outside of HwScsiFindAdapter (S-057)"),
    "stall": ("scsiport", INITIALIZE, INITIALIZE + "    ScsiPortStallExecution(200000);\n",
              "scsi0 0. s asked for a stall of 200000 us, longer than 100000 (check 2)"),
    "level": ("scsiport", END, '    __asm__ volatile("movq %0, %%cr8" ::"r"(9ull));\n' + END,
              "HwScsiStartIo was called at IRQL 2 and returned at IRQL 9 (check 16)"),
    "ata structure": ("ataport", "Version = sizeof(hw)", "Version = 40", "AtaPortInitializeEx refuses: Version is 40, not 48 (A-010)"),
    "ata control": ("ataport", ",\n                                   .AtaAdapterControl = adapter_control", "", "AtaAdapterControl is NULL (A-011)"),
    "ata routine": ("ataport", "    hw->IdeHwReset = HwReset;\n", "", "channel 0: IdeHwReset is NULL (A-045)"),
    "ata init": ("ataport", "    hw->IdeHwControl = HwControl;\n", "    if (hw)\n        return FALSE;\n",
                 "channel 0: AtaChannelInitRoutine returned FALSE (A-044)"),
    "ata start": ("ataport", IDE_START, "        return FALSE;\n", "channel 0: IdeHwControl(IdeStart) returned FALSE (A-052)"),
    "ata controller": ("ataport", "        config->NumberOfChannels = 1;\n", "        return FALSE;\n",
                       "AtaAdapterControl(IdeStart) returned FALSE (A-032)"),
    "ata channels": ("ataport", "NumberOfChannels = 1", "NumberOfChannels = 0", "NumberOfChannels is 0: it has no units (A-033)"),
    "ata twice": ("ataport", ATA_END, ATA_END + "\n" + ATA_END, "twice, or after the port took it back (A-088)"),
    "ata status": ("ataport", ATA_END, "    irb->IrbStatus = IRB_STATUS_PENDING;\n" + ATA_END, "completed with status 0 (A-087)"),
    "ata overrun": ("ataport", IDE_START, IDE_START + "        ((volatile struct channel *)extension)[1].disk[16] = 1;\n",
                    "IdeHwControl(IdeStart) wrote to address "),
    "ata wait": ("ataport", ATA_END, "    KEVENT e;\n    KeInitializeEvent(&e, 0, 0);\n    KeWaitForSingleObject(&e, 0, 0, 0, NULL);\n" + ATA_END,
                 "IdeHwStartIo called KeWaitForSingleObject at IRQL ", ", which allows at most 1 (check 14)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(what, tmp_path):
    kind, old, new, *texts = WRONG[what]
    done = run(make_copy(kind, tmp_path, (old, new)), "sleep 1; ports -v | tr -s ' ' | sed 's/ 0[.][0-9]* s / 0. s /'; dmesg",
               *(EDU if kind == "ataport" else ()), "--append", "driver.exclude=ahci")
    assert done.returncode == 0
    for text in texts:
        assert text in done.stdout, done.stdout


def test_what_drivers_there_are_is_said_while_one_starts(tmp_path):
    """The miniport's first read never ends: for 180 s the port tries again, and whoever writes it can look meanwhile."""
    never = (END, "    if (srb->Cdb[0] != SCSIOP_READ)\n    " + END)
    done = run(make_copy("scsiport", tmp_path, never), "drivers; ports -v; cut -d. -f1 /proc/uptime", "--append", "driver.exclude=ahci")
    assert done.returncode == 0 and int(done.stdout.split()[-1]) < 120, done.stdout + done.stderr
    assert "ramdisk.sys  running" in done.stdout and "PORTOLAN RAM DISK" in done.stdout, done.stdout


def test_a_large_frame_needs_no_library(tmp_path):
    """gcc calls ___chkstk_ms() for one of more than a page."""
    large = (END, "    volatile UCHAR room[6000];\n\n    room[srb->Cdb[0]] = 0;\n" + END)
    assert "PORTOLAN RAM DISK" in run(make_copy("scsiport", tmp_path, large), "disks").stdout


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
    assert "command 0x28 not completed within its 30 s (S-109)" in done.stdout, done.stdout + done.stderr
    assert "sda: the partition table cannot be read" in done.stdout or "sdb: the partition table cannot be read" in done.stdout
    assert "drivers still look for disks after 20 s: the system starts" in done.stdout
    assert "4 MiB  ATA QEMU HARDDISK" in done.stdout.split("partition table")[0]  # it is used meanwhile


WRONG_INF = {"models": ("[Models.NTamd64]", "[Modls.NTamd64]", "mine.inf:10: there is no Models section of this name for NTamd64"),
             "services": ("[Install.Services]", "[Install.Service]", "mine.inf:13: its install section has no .Services section beside it: no driver"),
             "binary": ("%12%\\ramdisk.sys", "%12%\\nosuch.sys", "0000:00:02.0: no driver: /drivers/nosuch.sys: no such file or directory"),
             "flags": ("ramdisk, 0x00000002, Service", "ramdisk, two, Service", "mine.inf:19: AddService: the flags are no number"),
             "binary line": ("ServiceBinary", "ServiceBinry", "mine.inf:19: AddService: its install section has no ServiceBinary"),
             "token": ('maker       =', 'makr       =', "mine.inf:6: [Strings] does not have a %token% of the line")}


@pytest.mark.parametrize("what", WRONG_INF)
def test_what_is_wrong_in_an_inf_file_is_said(what, tmp_path):
    old, new, text = WRONG_INF[what]
    folder = ROOT / "drivers/miniport/template/ataport"
    inf = (folder / "ramdisk.inf").read_text()
    assert old in inf
    (tmp_path / "mine.inf").write_text(inf.replace(old, new))
    done = portolan("exec", "--driver", tmp_path / "mine.inf", *EDU, "--", "dmesg")
    assert text in done.stdout, done.stdout


def test_what_is_no_driver_is_refused(tmp_path):
    folder = make_copy("scsiport", tmp_path)
    image = bytearray((folder / "ramdisk.sys").read_bytes())
    pe = int.from_bytes(image[0x3c:0x40], "little")
    image[pe + 24 + 64:pe + 24 + 68] = bytes(4)  # no checksum
    wrong = {"text": b"no driver\n", "win32": bytes(image).replace(b"scsiport.sys", b"KERNEL32.dll")}
    for name, at, value in (("x86", 4, b"\x4c\x01"), ("arm", 4, b"\x64\xaa"), ("sum", 24 + 64, b"\x55")):
        wrong[name] = bytes(image[:pe + at]) + value + bytes(image[pe + at + len(value):])
    options = []
    for name, content in wrong.items():
        (tmp_path / f"{name}.sys").write_bytes(content)
        options += ["--driver", tmp_path / f"{name}.sys"]
    done = portolan("exec", *options, "--", f"for f in {' '.join(wrong)}; do drivers load /drivers/$f.sys; done")
    assert done.stdout == "" and done.returncode
    for text in ("text.sys: file size is 0xa: shorter than an MS-DOS header", "x86.sys: Machine is 0x14c: not x86-64 (0x8664)", "arm.sys: Machine is 0xaa64: not x86-64",
                 "sum.sys: CheckSum", "win32.sys: "):
        assert text in done.stderr, done.stderr
