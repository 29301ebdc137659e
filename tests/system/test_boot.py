"""The release ISO as people boot it, up to `ready`; power off and reboot; the entries of the menu."""

import pytest

from launcher import BUILD, Machine, portolan

MACHINES = pytest.mark.parametrize("machine", ["pc", "q35"])
FIRMWARES = pytest.mark.parametrize("firmware", ["bios", "uefi"])
READY = r"ready: \d+ processor"

DOWN = "\x0e"  # Ctrl-N in GRUB's menu


@MACHINES
@FIRMWARES
def test_the_release_iso_boots_as_a_cd(machine, firmware):
    with Machine("--machine", machine, "--firmware", firmware) as m:
        m.wait_for(READY)
        assert m.quit() == 0


@MACHINES
@FIRMWARES
def test_the_release_iso_boots_from_a_usb_stick(machine, firmware, tmp_path):
    """The CD that the launcher puts in as well would power off; the stick comes first and does not."""
    stick = tmp_path / "stick.iso"
    stick.symlink_to(BUILD / "release/portolan.iso")
    usb = ("-device qemu-xhci,id=usb -device usb-storage,bus=usb.0,drive=stick,bootindex=0 "
           f"-drive if=none,id=stick,format=raw,readonly=on,file={stick}")
    with Machine("--machine", machine, "--firmware", firmware, "--append", "after=poweroff",
                 "--qemu", usb) as m:
        end = m.wait_for(READY)
        assert "after=poweroff" not in m.output[:end]
        assert m.quit() == 0


@MACHINES
@FIRMWARES
def test_power_off(machine, firmware):
    done = portolan("run", "--machine", machine, "--firmware", firmware, "--append", "after=poweroff",
                    "--timeout", 120)
    assert done.returncode == 0, done.stdout
    assert "ready: " in done.stdout


@MACHINES
@FIRMWARES
def test_reboot(machine, firmware):
    with Machine("--machine", machine, "--firmware", firmware, "--append", "after=reboot") as m:
        m.wait_for(READY, start=m.wait_for(READY))


def test_power_off_without_an_iso():
    assert portolan("exec", "--append", "after=poweroff").returncode == 0


@pytest.mark.parametrize("entry,options,result", [
    (1, "options: log=serial", READY), (2, "options: nomsi smp=1", "ready: 1 processor,"),
    (3, "options: memtest", "memtest: 0 bad frames")])
def test_an_entry_of_the_menu(entry, options, result):
    with Machine() as m:
        m.wait_for("will be executed")
        m.send(DOWN * entry + "\r")
        m.wait_for(result, start=m.wait_for(options))
