"""What somebody meets who types ./portolan run for the first time: demonstration disks, the welcome, the tour; a USB stick."""

import re
import subprocess

import pytest

from launcher import BUILD, ROOT, Machine, portolan

PROMPT = r"root@portolan:[^#]*# "


def run(folder, *options):
    return Machine("--boot", "kernel", *options, PORTOLAN_DEMO="yes", PORTOLAN_DISKS=folder)


def said(machine, command, pattern):
    start = len(machine.output)
    machine.send(command + "\n")
    end = machine.wait_for(pattern, start=start)
    return machine.output[start:end]


def shut_down(machine):
    machine.send("poweroff\n")
    assert machine.wait_end() == 0


@pytest.fixture(scope="module")
def disks(tmp_path_factory):
    """A folder with the demonstration disks, as a first run leaves them."""
    folder = tmp_path_factory.mktemp("demo")
    with run(folder) as machine:
        end = machine.wait_for(PROMPT)
        welcome = machine.output[:end]
        for text in (r"Disks: sda \(128 MiB, by ide.sys\), sdb \(512 MiB, by ahci.sys\)\.",
                     "Files: /mnt/TEXTS, /mnt/FLOPPY, /mnt/DEMO.", 'Type "tour"'):
            assert re.search(text, welcome), welcome
        said(machine, "sha256sum /mnt/DEMO/big/numbers.txt | tee /mnt/DEMO/written.txt; sync; echo do''ne", "done\r")
        shut_down(machine)
    return folder


def volume(disks):
    return f"{disks}/gpt.img@@{2048 * 512}"


def mtools(*words):
    return subprocess.run(words, check=True, capture_output=True, timeout=60, env={"LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1",
                                                                                "PATH": "/bin:/usr/bin"}).stdout


def test_what_was_written_stays_and_is_right(disks):
    numbers = "".join(f"{n}\n" for n in range(1, 4000001)).encode()
    assert mtools("mcopy", "-i", volume(disks), "::big/numbers.txt", "-") == numbers
    written = mtools("mcopy", "-i", volume(disks), "::written.txt", "-").decode()
    assert written.split() == [subprocess.run(["sha256sum"], input=numbers, capture_output=True, check=True).stdout.decode().split()[0],
                               "/mnt/DEMO/big/numbers.txt"]
    with run(disks, "--machine", "pc") as machine:
        machine.wait_for(PROMPT)
        assert written.split()[0] in said(machine, "cat /mnt/DEMO/written.txt; echo do''ne", "done\r")
        names = said(machine, "find /mnt/DEMO/names; cat '/mnt/DEMO/names/Grüße aus Köln.txt'; echo do''ne", "done\r")
        assert "日本語のファイル名.txt" in names and 'This file is named "Grüße aus Köln.txt".' in names
        shut_down(machine)


def test_two_runs_at_once_do_not_share_them(disks):
    with run(disks) as first:
        first.wait_for(PROMPT)
        with run(disks) as second:
            second.wait_for("no demonstration disks: another run has them")
            second.wait_for(r"Disks: none\.")
            second.quit()
        first.quit()


def test_the_tour_is_walked(disks):
    with run(disks) as machine:
        machine.wait_for(PROMPT)
        said(machine, "tour", r"\[1/12\] Disks[\s\S]*quit > ")
        assert "QEMU HARDDISK" in said(machine, "", r"any command > ")
        assert "HELLO" in said(machine, "echo hello | tr a-z A-Z", r"HELLO\r[\s\S]*any command > ")
        said(machine, "n", r"\[2/12\][\s\S]*quit > ")
        said(machine, "b", r"\[1/12\][\s\S]*quit > ")
        said(machine, "q", PROMPT)
        machine.quit()


def test_every_step_of_the_tour_works(disks):
    done = portolan("exec", "--disk", f"ahci:{disks}/gpt.img,ro", "--disk", f"ide:{disks}/mbr.img,ro", "--", "tour --all; tour 99")
    assert done.returncode == 2 and "'99' is no step from 1 to 12" in done.stderr
    steps = re.findall(r"^\[\d+/12\] (.*)$", done.stdout, re.M)
    assert len(steps) == 12, done.stdout
    assert "not found" not in done.stdout + done.stderr, done.stderr
    for text in re.findall(r"^\[\d+/12\] .*\n\n((?:.+\n)+)\n((?:  # .+\n)*)", done.stdout, re.M):
        assert max(map(len, "".join(text).splitlines())) <= 80, text
    assert "illegal request: logical block address out of range (5/21/00)" in done.stderr
    for text in ("ata0:0:0:0", "ide.sys", "AtaPortInitializeEx", "sdb1", "/mnt/DEMO", "read, at random", "Disklabel type: gpt"):
        assert text in done.stdout, text


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_usb_stick_boots(firmware, machine):
    done = portolan("exec", "--boot", "usb", "--firmware", firmware, "--machine", machine, "--", "uname; ls /bin | wc -l")
    assert done.returncode == 0 and done.stdout.startswith("Portolan\n"), done.stderr


def test_the_reference_pages_are_what_the_commands_say():
    for page in sorted((ROOT / "docs/commands").glob("*.md")):
        if page.stem == "README":
            continue
        text = subprocess.run([BUILD / "userland" / page.stem, "--help"], capture_output=True, text=True, check=True).stdout
        expected = "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))
        assert expected in page.read_text(), f"{page.name} is not current: make commands"
    commands = {path.name for path in (BUILD / "userland").iterdir() if path.is_file()} - {"exec-init"}
    assert commands == {page.stem for page in (ROOT / "docs/commands").glob("*.md")} - {"README"}


@pytest.mark.parametrize("command", sorted(path.name for path in (BUILD / "userland").glob("*") if path.name != "exec-init"))
def test_wrong_usage_is_refused(command):
    done = subprocess.run([BUILD / "userland" / command, "--no-such-option"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "no-such-option" in done.stderr and "--help" in done.stderr, done.stderr
