"""Disks that misbehave under work (tests/faults/faultnbd.py): what the devices say, the system says; nothing hangs."""

import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from launcher import ROOT, portolan

DEVICES = {"ahci": ("ide-hd,bus=ide.0,drive=bad", "q35"), "ide": ("ide-hd,bus=ide.0,unit=0,drive=bad", "pc"),
           "lsi": ("lsi53c895a,id=hba -device scsi-hd,bus=hba.0,drive=bad", "q35"),
           "am53c974": ("am53c974,id=hba -device scsi-hd,bus=hba.0,drive=bad", "q35")}
SECTOR = 512
# QEMU 7.2's 53C895A forgets a command that fails while another one is connected: its time then has to run out.
THREADS = {"lsi": 1}


class BadDisk:
    """faultnbd over an image, else one of zeros; with a log of what is written; losing what was not flushed. Use as a context."""

    def __init__(self, folder, *rules, size=16 << 20, image=None, log=None, volatile=False):
        self.folder, self.rules = folder, rules
        self.image = image or folder / "bad.img"
        self.more = (["--log", log] if log else []) + (["--volatile"] if volatile else [])
        if not image:
            with open(self.image, "wb") as f:
                f.truncate(size)

    def __enter__(self):
        rules = self.folder / "rules"
        rules.write_text("".join(json.dumps(rule) + "\n" for rule in self.rules))
        self.server = subprocess.Popen([sys.executable, ROOT / "tests/faults/faultnbd.py", "--socket", self.folder / "nbd",
                                        "--control", self.folder / "control", "--image", self.image, "--rules", rules, *self.more],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if (self.folder / "nbd").exists() and (self.folder / "control").exists():
                return self
            assert self.server.poll() is None
            time.sleep(0.1)
        raise AssertionError("faultnbd does not start")

    def __exit__(self, *exception):
        self.server.kill()
        self.server.wait()

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(str(self.folder / "control"))
            s.sendall(command.encode() + b"\n")
            return json.loads(s.makefile().readline())

    def hits(self):
        return self.tell("status")["hits"]


def run(disk, device, command, timeout=240):
    words, machine = DEVICES[device]
    return portolan("exec", "--timeout", timeout, "--machine", machine, "--smp", 2, "--qemu",
                    f"-blockdev driver=nbd,node-name=bad,server.type=unix,server.path={disk.folder / 'nbd'} -device {words},"
                    "rerror=report,werror=report", "--", command, timeout=timeout + 60, PORTOLAN_VARIANT="debug")


@pytest.mark.parametrize("device", DEVICES)
def test_late_answers_are_waited_for(tmp_path, device):
    with BadDisk(tmp_path, {"do": "delay", "ms": 1500, "skip": 300, "count": 3}) as disk:
        done = run(disk, device, "/tests/io /dev/sda 600 4 65536 direct; dmesg | grep -c 'did not complete'")
        assert disk.hits() == 3
    assert "io: 600 requests" in done.stdout and done.stdout.endswith("\n0\n"), done.stdout + done.stderr


@pytest.mark.parametrize("device", DEVICES)
def test_a_request_that_hangs_is_given_up_and_repeated(tmp_path, device):
    """QEMU's reset of the device waits for the request: it ends some time after the driver has begun to recover."""
    with BadDisk(tmp_path, {"do": "hold", "skip": 300, "count": 1}) as disk:
        def release():
            while not disk.hits():
                time.sleep(1)
            time.sleep(45)
            disk.tell("release")
        helper = threading.Thread(target=release, daemon=True)
        helper.start()
        done = run(disk, device, "/tests/io /dev/sda 600 4 65536 direct; dmesg | grep -E 'time|reset'; ports", timeout=400)
        assert disk.hits() == 1
        helper.join(60)
    assert "io: 600 requests" in done.stdout and "0 errors" in done.stdout, done.stdout + done.stderr
    assert " s" in done.stdout and "running" in done.stdout, done.stdout


@pytest.mark.parametrize("device", DEVICES)
def test_errors_are_the_requests_own(tmp_path, device):
    with BadDisk(tmp_path, {"do": "error", "op": "write", "from": 4000, "to": 9000}, {"do": "error", "op": "read", "skip": 100, "count": 9}) as disk:
        done = run(disk, device, f"/tests/io /dev/sda 600 {THREADS.get(device, 4)} 65536 direct errors; "
                   "dd if=/dev/sda of=/dev/null count=100 2>&1 | grep out")
        assert disk.hits() > 9
    errors = done.stdout.split("bytes, ")[1].split()[0]
    assert int(errors) > 0 and "100+0 records out" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("device", DEVICES)
def test_a_disk_that_answers_no_more_ends_its_requests(tmp_path, device):
    with BadDisk(tmp_path, {"do": "drop", "skip": 200}) as disk:
        done = run(disk, device, f"/tests/io /dev/sda 600 {THREADS.get(device, 4)} 65536 direct errors; "
                   "dd if=/dev/sda of=/dev/null count=1 2>&1; echo lives")
    assert "Input/output error" in done.stdout and done.stdout.endswith("lives\n"), done.stdout + done.stderr


@pytest.mark.parametrize("lie", [{"do": "lose", "op": "write"}, {"do": "tear", "op": "write", "sectors": 1},
                                 {"do": "misplace", "op": "write", "by": 8}, {"do": "flip", "op": "write", "bit": 77},
                                 {"do": "flip", "op": "read", "bit": 77}], ids=lambda rule: f"{rule['op']}-{rule['do']}")
@pytest.mark.parametrize("device", DEVICES)
def test_what_a_disk_makes_of_data_is_seen(tmp_path, device, lie):
    """No driver can know; but nothing between program and disk hides it, or makes it worse: what is read is what is there."""
    with BadDisk(tmp_path, {**lie, "from": 104, "to": 127, "count": 1}) as disk:
        done = run(disk, device, "yes 0123456789abcde | head -c 65536 >/tmp/w; dd if=/tmp/w of=/dev/sda bs=32k oflag=direct 2>/dev/null; "
                   "dd if=/dev/sda bs=32k count=2 iflag=direct 2>/dev/null | sha256sum; "
                   "dd if=/dev/sda bs=32k count=2 iflag=direct 2>/dev/null | sha256sum; sha256sum </tmp/w")
        assert disk.hits() == 1
        there = subprocess.run(["sha256sum"], input=disk.image.read_bytes()[:65536], capture_output=True).stdout.decode().split()[0]
    first, second, written = done.stdout.split()[::2]
    assert second == there, done.stdout
    assert first != written, done.stdout
    assert (second == written) == (lie["op"] == "read"), done.stdout
