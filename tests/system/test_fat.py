"""FAT volumes that mkfs.fat and mtools have made, as programs see them: read whole, and refused or read as far as they are good."""

import hashlib
import os
import random
import subprocess

import pytest

from launcher import portolan

ENVIRONMENT = dict(os.environ, PATH="/usr/sbin:/sbin:/usr/bin:/bin", MTOOLS_SKIP_CHECK="1")
SHAPES = {
    "fat12": ("ide", 8, "-F 12 -s 8"),
    "fat16": ("ahci", 32, "-F 16 -s 2"),
    "fat16-4k": ("ahci", 64, "-F 16 -S 4096 -s 1"),
    "fat32": ("ide", 64, "-F 32 -s 1"),
    "fat32-odd": ("ahci", 96, "-F 32 -a -s 2 -R 33"),
    "fat32-lsi": ("lsi", 64, "-F 32 -s 1"),
    "fat16-am53c974": ("am53c974", 32, "-F 16 -s 4"),
}


def run(image, command, controller="ahci", timeout=200):
    machine = "pc" if controller == "ide" else "q35"
    return portolan("exec", "--timeout", timeout, "--machine", machine, "--disk", f"{controller}:{image}", "--", command,
                    timeout=timeout + 60, PORTOLAN_VARIANT="debug")


def tool(*words):
    subprocess.run(words, env=ENVIRONMENT, check=True, capture_output=True)


def tree(folder, files=120):
    """Files of many sizes and names in folders; returns {path: hash}."""
    random_ = random.Random(7)
    sums = {}
    for n in range(files):
        below = folder / random_.choice(["", "a", "a/b", "A longer name of a folder", "a/b/c d.e"])
        below.mkdir(parents=True, exist_ok=True)
        path = below / random_.choice([f"F{n}.TXT", f"lower{n}", f"a name that is long, number {n}.data", f"größe{n}.ж", f"x{n}.tar.gz"])
        path.write_bytes(random_.randbytes(random_.choice([0, 1, 511, 512, 513, 4096, 5000, 40_000, 100_000]) if n else 700_000))
        sums["./" + str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return sums


def volume(tmp_path, mib, options, files=120):
    image = tmp_path / "volume.img"
    with open(image, "wb") as f:
        f.truncate(mib << 20)
    tool("mkfs.fat", "-n", "A VOLUME", *options.split(), image)
    (tmp_path / "tree").mkdir()
    sums = tree(tmp_path / "tree", files)
    tool("mcopy", "-s", "-i", image, *sorted((tmp_path / "tree").iterdir()), "::/")
    return image, sums


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tree_is_read_as_it_was_written(tmp_path, shape):
    controller, mib, options = SHAPES[shape]
    image, sums = volume(tmp_path, mib, options)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    done = run(image, "mount -t vfat /dev/sda /mnt && cd /mnt && find . -type f -exec sha256sum {} + ; "
               "cat LOWER7* Lower7* 2>/dev/null | wc -c; cd /; umount /mnt && echo unmounted; mount | grep -c /mnt", controller)
    lines = done.stdout.splitlines()
    found = {line[66:]: line[:64] for line in lines if line[64:66] == "  "}
    assert found == sums, done.stderr
    assert lines[-2:] == ["unmounted", "0"], done.stdout[-300:] + done.stderr
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_partitions_programs_and_what_cannot_be_done(tmp_path):
    volume_image, sums = volume(tmp_path, 40, "-F 32 -s 1", files=20)
    tool("mcopy", "-i", volume_image, "/bin/busybox", "::/busybox")
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20) + volume_image.read_bytes())
    subprocess.run(["/sbin/sfdisk", "-q", image], input="label: dos\nstart=2048, type=c\n", text=True, check=True)
    done = run(image, "mount -t vfat -o ro /dev/sda1 /mnt; /mnt/busybox echo it runs; (touch /mnt/new; rm /mnt/busybox; mkdir /mnt/d; "
               "echo x >>/mnt/busybox) 2>&1 | grep -c 'Read-only file system'; cd /mnt; umount /mnt 2>&1 | grep -c busy; cd /; umount /mnt; "
               "for d in sda sdb1 sr9; do mount -t vfat /dev/$d /mnt && echo mounted; done; dmesg | grep -c 'vfat: /dev/sd.* cannot be mounted'")
    assert done.stdout.split("\n")[:3] == ["it runs", "4", "1"], done.stdout + done.stderr
    assert "mounted" not in done.stdout.split(), done.stdout
    assert done.stdout.endswith("\n2\n"), done.stdout


def test_what_is_mapped_keeps_its_volume(tmp_path):
    """Also with the file closed: the volume goes when the mapping has gone, and not before."""
    image, sums = volume(tmp_path, 32, "-F 16 -s 2", files=5)
    done = run(image, "mount -t vfat /dev/sda /mnt; cp $(find /mnt -size +600k) /tmp/copy; "
               "/tests/mapped $(find /mnt -size +600k) 4 & sleep 2; umount /mnt 2>&1 | grep -c busy; wait; umount /mnt && echo unmounted; "
               "/tests/mapped /tmp/copy 0")
    lines = done.stdout.splitlines()
    assert lines[0] == "1" and lines[2] == "unmounted" and lines[1] == lines[3], done.stdout + done.stderr


def test_a_damaged_volume_costs_what_is_damaged(tmp_path):
    """A chain that runs in a circle, one that leads out of the volume: errors, a line that says so, and the rest is read."""
    image, sums = volume(tmp_path, 32, "-F 16 -s 2", files=30)
    bytes_ = bytearray(image.read_bytes())
    reserved, fat_sectors = int.from_bytes(bytes_[14:16], "little"), int.from_bytes(bytes_[22:24], "little")
    fat = reserved * 512
    chain = 2
    while any(int.from_bytes(bytes_[fat + 2 * n:fat + 2 * n + 2], "little") != n + 1 for n in range(chain, chain + 10)):
        chain += 1
    for copy in (fat, fat + fat_sectors * 512):
        bytes_[copy + 2 * (chain + 5):copy + 2 * (chain + 5) + 2] = (chain + 2).to_bytes(2, "little")
    image.write_bytes(bytes_)
    done = run(image, "mount -t vfat /dev/sda /mnt; cd /mnt; find . -type f -exec sha256sum {} + ; dmesg | grep damaged")
    found = {line[66:]: line[:64] for line in done.stdout.splitlines() if line[64:66] == "  "}
    wrong = {path for path in sums if found.get(path) != sums[path]}
    assert len(wrong) == 1, (wrong, done.stderr)
    assert "vfat: sda: damaged: " in done.stdout and "loop" in done.stdout, done.stdout[-500:]


def test_the_second_boot_sector_and_the_dirty_mark(tmp_path):
    image, sums = volume(tmp_path, 40, "-F 32 -s 1", files=10)
    with open(image, "r+b") as f:
        f.write(bytes(512))
        f.seek(32 * 512 + 4)
        flags = int.from_bytes(f.read(4), "little")
        f.seek(32 * 512 + 4)
        f.write((flags & ~(1 << 27)).to_bytes(4, "little"))
    done = run(image, "mount -t vfat /dev/sda /mnt; find /mnt -type f | wc -l; dmesg | grep vfat")
    assert done.stdout.startswith("10\n"), done.stdout + done.stderr
    assert "the second one is used" in done.stdout and "it was not unmounted" in done.stdout, done.stdout


def test_a_directory_that_contains_itself_has_an_end(tmp_path):
    image = tmp_path / "volume.img"
    with open(image, "wb") as f:
        f.truncate(40 << 20)
    tool("mkfs.fat", "-F", "32", "-s", "1", image)
    tool("mmd", "-i", image, "::/D", "::/D/E", "::/D/E/F", "::/D/E/G")
    bytes_ = bytearray(image.read_bytes())
    reserved, fat_sectors = int.from_bytes(bytes_[14:16], "little"), int.from_bytes(bytes_[36:40], "little")

    def entry(cluster, name):
        at = (reserved + 2 * fat_sectors + cluster - 2) * 512
        return next(at + 32 * n for n in range(16) if bytes_[at + 32 * n:at + 32 * n + 11] == name.ljust(11).encode())

    first = entry(2, "D") + 26
    second = entry(int.from_bytes(bytes_[first:first + 2], "little"), "E") + 26
    third = entry(int.from_bytes(bytes_[second:second + 2], "little"), "F") + 26
    bytes_[third:third + 2] = bytes_[first:first + 2]
    image.write_bytes(bytes_)
    done = run(image, "mount -t vfat /dev/sda /mnt; find /mnt | sort; touch /mnt/x; dmesg | grep -c 'vfat: sda: damaged: .*above itself'")
    assert done.stdout.splitlines()[:3] == ["/mnt", "/mnt/D", "/mnt/D/E"] and "/mnt/D/E/G" in done.stdout, done.stdout + done.stderr
    assert "/mnt/D/E/F/" not in done.stdout and "Read-only file system" in done.stderr, done.stdout + done.stderr
