"""iobench: what it does to a disk is what it says."""

import re

from launcher import portolan
from test_disks import noise

MIB = 1 << 20
COUNTED = "awk '$3 == \"sda\" {print \"counted\", $4, $6, $8, $10}' /proc/diskstats"


def run(command, image, timeout=120):
    return portolan("exec", "--disk", f"ahci:{image}", "--timeout", timeout, "--", command, timeout=timeout + 60)


def done_between(text):
    """Requests and sectors read, requests and sectors written between two lines of COUNTED."""
    before, after = ([int(n) for n in line.split()[1:]] for line in text.splitlines() if line.startswith("counted"))
    return [b - a for a, b in zip(before, after)]


def test_each_request_reaches_the_disk(tmp_path):
    image = noise(tmp_path / "disk.img", MIB)
    for options, requests, sectors in (("", 64, 8), ("-b 64k -d 8", 50, 128), ("-b 16k -d 4 -j 3 -s", 33, 32)):
        done = run(f"{COUNTED}; iobench -n {requests} -b 4k {options} /dev/sda; {COUNTED}", image)
        assert done.returncode == 0, done.stderr
        assert done_between(done.stdout) == [requests, requests * sectors, 0, 0], done.stdout
        assert re.search(rf"^read, .* KiB.*  {requests} +[\d.]+ ", done.stdout, re.M), done.stdout


def test_the_usual_workloads_and_their_picture(tmp_path):
    image = noise(tmp_path / "disk.img", 4 * MIB)
    before = image.read_bytes()
    done = run("iobench -n 20 /dev/sda", image)
    assert done.returncode == 0, done.stderr
    table, mib, requests = done.stdout.split("\n\n")
    names = [line.split("  ")[0] for line in table.splitlines()[1:]]
    assert names == ["read, in a row, 1 MiB", "read, at random, 4 KiB", "read, at random, 4 KiB, 32 at once",
                     "read, at random, 4 KiB, 4 threads"]
    for chart, unit in ((mib, "MiB/s"), (requests, "IO/s")):
        lines = chart.splitlines()
        assert lines[0] == unit and [line.split(" |")[0].rstrip() for line in lines[1:]] == names
        assert max(line.count("#") for line in lines[1:]) == 40
    assert image.read_bytes() == before


def test_writes_are_written_and_only_when_asked_for(tmp_path):
    image = noise(tmp_path / "disk.img", MIB)
    done = run(f"{COUNTED}; iobench -w -s -b 64k -n 16 /dev/sda; {COUNTED}", image)
    assert done.returncode == 0 and done_between(done.stdout)[2:] == [16, 2048], done.stdout + done.stderr
    block = bytes((i * 37 + i // 4096) & 0xff for i in range(65536))
    assert image.read_bytes() == block * 16


def test_a_mounted_disk_is_not_written(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8 * MIB))
    done = run("mkfs.fat -n HERE /dev/sda >/dev/null && mkdir -p /m && mount /dev/sda /m && echo text > /m/file && "
               "iobench -w -n 5 /dev/sda; echo status $?; iobench -n 5 -b 4k /dev/sda >/dev/null && cat /m/file", image)
    assert "status 1\ntext\n" in done.stdout, done.stdout + done.stderr
    assert "/dev/sda: is mounted" in done.stderr, done.stderr
