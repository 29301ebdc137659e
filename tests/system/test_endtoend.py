"""Real disks, made by Debian's tools, through each controller on each kind of machine: what is read and written is compared on the host."""

import hashlib
import random
import re
import subprocess

import pytest

from launcher import ROOT, portolan

MIB = 1 << 20
ENVIRONMENT = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"}

# Each controller, machine, firmware, way to boot, number of processors and size of memory; each pair of neighbours at least once.
ROWS = [("ahci", "q35", "bios", "kernel", 1, "64M"), ("ahci", "pc", "uefi", "iso", 4, "6G"), ("ahci", "q35", "uefi", "usb", 1, "256M"),
        ("ide", "pc", "bios", "iso", 4, "64M"), ("ide", "q35", "bios", "kernel", 1, "6G"), ("ide", "pc", "uefi", "iso", 1, "256M"),
        ("isa-ide", "q35", "bios", "iso", 4, "64M"), ("am53c974", "pc", "bios", "kernel", 4, "6G"),
        ("am53c974", "q35", "uefi", "iso", 1, "256M"), ("lsi", "q35", "bios", "usb", 4, "6G"), ("lsi", "pc", "uefi", "iso", 1, "256M"),
        ("lsi810", "q35", "bios", "kernel", 4, "64M")]
TABLES = {"gpt": "label: gpt\nstart=2048, size=131072, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n",
          "dos": "label: dos\nstart=2048, size=131072, type=c\n"}


def tool(*words, **more):
    return subprocess.run([str(w) for w in words], env=ENVIRONMENT, check=True, capture_output=True, timeout=120, **more).stdout


def tree(folder):
    random_ = random.Random(11)
    names = ["short.txt", "a longer name than eight and three.text", "Grüße.txt", "日本語.txt", "UPPER", "no.dots.at.all"]
    for n in range(30):
        below = folder / random_.choice(["", "deep/er/and/deeper", "Ordner für Öl", "x" * 100])
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{n} {random_.choice(names)}").write_bytes(random_.randbytes(random_.choice([0, 1, 511, 512, 4097, 100_000, 900_000])))
    return sums(folder)


def sums(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("controller, machine, firmware, boot, smp, mem", ROWS, ids=["-".join(map(str, row)) for row in ROWS])
def test_a_disk_made_by_debian(controller, machine, firmware, boot, smp, mem, tmp_path):
    disk, table = tmp_path / "disk.img", "gpt" if smp == 4 else "dos"
    with open(disk, "wb") as f:
        f.truncate(80 * MIB)
    tool("sfdisk", "-q", disk, input=TABLES[table].encode())
    tool("mkfs.fat", "-F", "32", "-s", "1", "-n", "DATA", "--offset", 2048, disk, 65536)
    (tmp_path / "tree").mkdir()
    good = tree(tmp_path / "tree")
    tool("mcopy", "-s", "-Q", "-i", f"{disk}@@{MIB}", tmp_path / "tree", "::")
    done = portolan("exec", "--disk", f"{controller}:{disk}", "--machine", machine, "--firmware", firmware, "--boot", boot, "--smp", smp,
                    "--mem", mem, "--timeout", 400, "--",
                    "cd /mnt/DATA/tree && find . -type f -exec sha256sum {} + && cp -R /mnt/DATA/tree /mnt/DATA/copy && "
                    "dd if=/dev/urandom of=/mnt/DATA/noise bs=64k count=50 2>/dev/null && mv '/mnt/DATA/copy/Ordner für Öl' /mnt/DATA/moved && "
                    "sha256sum /mnt/DATA/noise && cd / && umount /mnt/DATA && fsck.fat -n /dev/sda1 && parts && ports", timeout=500)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr
    seen = {name[2:] if name.startswith("./") else name: digest
            for digest, name in re.findall(r"^([0-9a-f]{64})  (.*)$", done.stdout, re.M)}
    noise = seen.pop("/mnt/DATA/noise")
    assert seen == good
    assert re.search(r"^sda1 +64 MiB +2048 +133119$", done.stdout, re.M), done.stdout[-1500:]
    assert re.search(rf"^(?:ata|scsi)\d +running .* 0 +-$", done.stdout, re.M)
    (tmp_path / "back").mkdir()
    tool("mcopy", "-s", "-Q", "-i", f"{disk}@@{MIB}", "::copy", "::moved", "::noise", tmp_path / "back")
    back = sums(tmp_path / "back")
    assert back.pop("noise") == noise
    assert {name.removeprefix("copy/"): digest for name, digest in back.items() if not name.startswith("moved/")} == \
        {name: digest for name, digest in good.items() if not name.startswith("Ordner")}
    assert {name.replace("moved/", "Ordner für Öl/"): digest for name, digest in back.items() if name.startswith("moved/")} == \
        {name: digest for name, digest in good.items() if name.startswith("Ordner")}
    part = tmp_path / "part.img"
    part.write_bytes(disk.read_bytes()[MIB:MIB + 64 * MIB])
    tool("fsck.fat", "-n", part)


def test_debians_tools_on_our_disks(tmp_path):
    """Tables by sfdisk and fdisk, file systems by mkfs.fat, in the running system; checked on the host."""
    disk = tmp_path / "disk.img"
    with open(disk, "wb") as f:
        f.truncate(64 * MIB)
    done = portolan("exec", "--disk", f"ahci:{disk}", "--",
                    r"printf 'label: gpt\n,20M,U\n,,\n' | sfdisk -q /dev/sda && mkfs.fat -F 16 -n ONE /dev/sda1 >/dev/null && mkfs.fat -n TWO "
                    "/dev/sda2 >/dev/null && mount /dev/sda1 /mnt && cp /etc/passwd /mnt && umount /mnt && blkid && badblocks -s /dev/sda 2>&1 "
                    "| tail -1 | tr '\\b\\r' '  ' && dd if=/dev/sda of=/dev/null bs=1M status=progress && sfdisk --verify /dev/sda")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'LABEL="ONE"' in done.stdout and 'LABEL="TWO"' in done.stdout, done.stdout
    assert "67108864 bytes" in done.stderr and "done" in done.stdout
    assert tool("mcopy", "-i", f"{disk}@@{MIB}", "::passwd", "-") == (ROOT / "iso/etc/passwd").read_bytes()
    assert tool("sfdisk", "-d", disk).decode().count("disk.img") >= 2


def test_a_table_is_changed_while_volumes_are_mounted_by_the_system(tmp_path):
    disk = tmp_path / "disk.img"
    with open(disk, "wb") as f:
        f.truncate(64 * MIB)
    tool("sfdisk", "-q", disk, input=b"label: dos\n2048,40960,6\n")
    tool("mkfs.fat", "-n", "BEFORE", "--offset", 2048, disk, 20480)
    done = portolan("exec", "--disk", f"ide:{disk}", "--",
                    "ls /mnt; printf 'n\\np\\n2\\n\\n\\nw\\n' | fdisk /dev/sda >/dev/null; echo fdisk $?; for i in 1 2 3 4 5 6 7 8 9 10; do "
                    "[ -d /mnt/BEFORE ] && break; sleep 1; done; ls /mnt; parts; mkdir /tmp/m; mount /dev/sda1 /tmp/m; "
                    "printf 'label: dos\\n' | sfdisk --no-tell-kernel -q -f /dev/sda; blockdev --rereadpt /dev/sda; echo busy $?")
    assert done.stdout.startswith("BEFORE\nfdisk 0\nBEFORE\n") and re.search(r"^sda2 ", done.stdout, re.M), done.stdout + done.stderr
    assert done.stdout.endswith("busy 1\n"), done.stdout + done.stderr
