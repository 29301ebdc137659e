"""Controllers that come to and go from slots of PCI Express, with work on them."""

import random
import re
import subprocess

import pytest

import qmp
from launcher import Machine

PORT = "-device pcie-root-port,id=slot7,chassis=1,slot=7"
DISK = "-drive if=none,id=there,format=raw,file={} -device ich9-ahci,bus=slot7,id=hba -device ide-hd,bus=hba.0,drive=there"
PROMPT = r"portolan:.*[#$] "


def say(machine, command, answer, start=0):
    """Type a command; what it prints must match. Returns where that is."""
    machine.send(command + "\n")
    return machine.wait_for(answer, start=start)


def start(tmp_path, devices, *options):
    machine = Machine("--qemu", f"{devices} {qmp.option(tmp_path / 'qmp')}", *options, PORTOLAN_VARIANT="debug")
    return machine, lambda: qmp.Qmp(tmp_path / "qmp")


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_controller_goes_under_work_and_another_comes(tmp_path, firmware):
    image = tmp_path / "disk.img"
    image.write_bytes(random.Random(3).randbytes(16 << 20))
    machine, monitor = start(tmp_path, f"{PORT} {DISK.format(image)}", "--firmware", firmware)
    with machine as m:
        m.wait_for(r"sda: ata\d:0:0:0, ATA QEMU HARDDISK", timeout=240)
        m.wait_for(PROMPT)
        m.send("(while dd if=/dev/sda of=/dev/null bs=64k iflag=direct 2>/dev/null; do :; done; echo reader ends) &\n")
        m.send("while dd if=/dev/urandom of=/dev/sda bs=4k count=1000 oflag=direct 2>/dev/null; do echo round; done; "
               "echo writer ends\n")
        m.wait_for(r"\nround")
        with monitor() as q:
            q.command("device_del", id="hba")
            q.event("DEVICE_DELETED", device="hba")
            at = m.wait_for(r"(?<!echo )writer ends")
            m.wait_for(r"(?<!echo )reader ends")
            at = say(m, "disks; lspci | grep -c SATA; ports", r"sr0 [^$]*\n1\s+ADAPTER[^$]*ata0 ", at)
            q.command("device_add", driver="ich9-ahci", bus="slot7", id="hba")
            at = m.wait_for(r"slot 7 .*1 function came", start=at)
            m.wait_for(r"1 device more has a driver", start=at)
            say(m, "ports", r"ata1 +running +ataport +ahci\.sys +0000:01:00\.0", at)
            q.command("device_del", id="hba")
            q.event("DEVICE_DELETED", device="hba")
        assert "panic" not in m.output and "does not let it go" not in m.output
        assert m.quit() == 0


def test_a_controller_is_pulled_under_work(tmp_path):
    """Power off behind the kernel's back, by the registers of the slot: QEMU then takes the controller away at once."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8 << 20))
    devices = PORT.replace("slot=7", "slot=7,addr=6")
    machine, monitor = start(tmp_path, f"{devices} {DISK.format(image)}")
    with machine as m, monitor() as q:
        m.wait_for(PROMPT, timeout=240)
        m.send("(while dd if=/dev/sda of=/dev/null bs=64k iflag=direct 2>/dev/null; do echo round; done; echo reader ends) &\n")
        m.wait_for(r"\nround")
        for line in ("o/4x 0xcf8 0x8000306c", "o/2x 0xcfc 0x172b"):  # slot control: power and light off
            assert not q.command("human-monitor-command", **{"command-line": line}).strip()
        at = m.wait_for(r"slot 7 .*1 function pulled")
        m.wait_for(r"(?<!echo )reader ends")
        at = say(m, "disks; ports", r"sr0 [^$]*ADAPTER[^$]*ata0 +running", at)
        assert "ata1 " not in m.output[at:]
        q.command("device_add", driver="ich9-ahci", bus="slot7", id="next")
        at = m.wait_for(r"1 device more has a driver", start=at)
        say(m, "ports", r"ata1 +running +ataport +ahci\.sys +0000:01:00\.0", at)
        assert m.quit() == 0


def test_a_volume_goes_under_work(tmp_path):
    """Its files end with errors, the mount goes when nobody uses it, and what is on the medium is as good as after a power cut."""
    image = tmp_path / "disk.img"
    with open(image, "wb") as f:
        f.truncate(40 << 20)
    environment = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "1", "-n", "GOES", image], env=environment, check=True, capture_output=True)
    machine, monitor = start(tmp_path, f"{PORT} {DISK.format(image)}")
    with machine as m:
        at = m.wait_for(PROMPT, timeout=240)
        at = say(m, "mount | grep -c GOES", r"\n1", at)
        m.send("n=0; while cp /bin/busybox /mnt/GOES/copy$n 2>/dev/null && rm /mnt/GOES/copy$n && echo round; do n=$((n+1)); sync; done; echo writer ends\n")
        m.wait_for(r"\nround")
        with monitor() as q:
            q.command("device_del", id="hba")
            q.event("DEVICE_DELETED", device="hba")
            at = m.wait_for(r"(?<!echo )writer ends")
            at = m.wait_for(r"sda has gone: /mnt/GOES is taken down", start=at)
            at = say(m, "mount | grep -c GOES; ls /mnt | wc -l", r"\n0\s+0", at)
            q.command("device_add", driver="ich9-ahci", bus="slot7", id="hba")
            m.wait_for(r"1 device more has a driver", start=at)
        assert "panic" not in m.output
        assert m.quit() == 0
    done = subprocess.run(["fsck.fat", "-n", image], env=environment, capture_output=True, text=True)
    assert not re.search("shared|cross|Bad file|contains a free|Orphaned|size is", done.stdout), done.stdout


def test_what_comes_gets_addresses(tmp_path):
    """In the windows of the port, each its own; what went leaves them to what comes."""
    machine, monitor = start(tmp_path, f"{PORT} -device pcie-root-port,id=slot8,chassis=2,slot=8", "--firmware", "uefi")
    with machine as m, monitor() as q:
        at = m.wait_for(PROMPT, timeout=240)
        found = []
        for slot, device in ((7, {"driver": "pci-testdev", "membar": 1 << 20}), (8, {"driver": "ich9-ahci"}), (7, {"driver": "nvme", "serial": "1"})):
            q.command("device_add", bus=f"slot{slot}", id=f"in{slot}", **device)
            at = m.wait_for(rf"slot {slot} .*1 function came", start=at)
            end = say(m, f"lspci -v -s 0{slot - 6}:00.0; echo $((6 * 7))", r"\n42", at)
            found.append(set(re.findall(r"(?:BAR|ROM) \d: ([0-9a-f]+) ", m.output[at:end])))
            at = end
            if device["driver"] == "pci-testdev":
                q.command("device_del", id="in7")
                q.event("DEVICE_DELETED", device="in7")
                at = m.wait_for("slot 7 .*switched off", start=at)
        assert [len(bars) for bars in found] == [3, 2, 1], found
        assert not any(int(bar, 16) == 0 for bars in found for bar in bars), found
        assert not found[1] & (found[0] | found[2]) and found[2] & found[0], found
        say(m, "ports", r"ata\d +running +ataport +ahci\.sys +0000:02:00\.0", at)
        assert m.quit() == 0


def test_a_switch_goes_with_all_that_is_behind_it(tmp_path):
    devices = (f"{PORT} -device x3130-upstream,id=up,bus=slot7 -device xio3130-downstream,id=d1,bus=up,chassis=2,slot=1 "
               "-device xio3130-downstream,id=d2,bus=up,chassis=2,slot=2 -device ich9-ahci,bus=d1 -device ich9-ahci,bus=d2,id=inner")
    machine, monitor = start(tmp_path, devices)
    with machine as m, monitor() as q:
        m.wait_for(PROMPT, timeout=240)
        say(m, "ports", r"ata2 +running")
        q.command("device_del", id="inner")
        q.event("DEVICE_DELETED", device="inner")
        at = m.wait_for(r"slot 2 .*1 function switched off")
        q.command("device_del", id="up")
        q.event("DEVICE_DELETED", device="up")
        at = m.wait_for(r"slot 7 .*4 functions switched off", start=at)
        say(m, "lspci | grep -c 0[2-9]:", r"\n0\s", at)
        assert m.quit() == 0
