"""Disks and CDs as programs see them: on every controller, of every size, with errors, and what `disks` and its kin say."""

import hashlib
import random
import re
import subprocess

import pytest

import qmp
from launcher import Machine, portolan

CONTROLLERS = {
    "ahci": ("--disk", "ahci:{}"),
    "ahci-pc": ("--machine", "pc", "--disk", "ahci:{}"),
    "ide-pc": ("--machine", "pc", "--disk", "ide:{}"),
    "ide-q35": ("--disk", "ide:{}"),
    "ide-pc-uefi": ("--machine", "pc", "--boot", "iso", "--firmware", "uefi", "--disk", "ide:{}"),
    "isa-ide": ("--disk", "isa-ide:{}"),
    "am53c974": ("--disk", "am53c974:{}"),
    "am53c974-pc": ("--machine", "pc", "--disk", "am53c974:{}"),
    "lsi": ("--disk", "lsi:{}"),  # which takes the memory among its ranges: S-140
    "lsi-pc": ("--machine", "pc", "--disk", "lsi:{}"),
    "lsi810": ("--disk", "lsi810:{}"),
    "atadisk-pc": ("--machine", "pc", "--append", "driver=atadisk", "--disk", "ide:{}"),
    "atadisk-q35": ("--append", "driver=atadisk", "--disk", "ide:{}"),
    "atadisk-isa": ("--append", "driver=atadisk", "--disk", "isa-ide:{}"),
}
TIB = 1 << 40


def run(command, *options, timeout=180):
    return portolan("exec", "--timeout", timeout, *options, "--", command, timeout=timeout + 60, PORTOLAN_VARIANT="debug")


def options(controller, image):
    return [word.format(image) for word in CONTROLLERS[controller]]


def noise(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def sparse(path, size):
    with open(path, "wb") as f:
        f.truncate(size)
    return path


def blkdebug(image, *rules):
    """QEMU's words for a disk on q35's AHCI that fails as the rules say."""
    errors = ",".join("{" + ",".join(f'"{k}":{v}' for k, v in rule.items()) + "}" for rule in rules)
    return ("--qemu", f"""-blockdev '{{"driver":"blkdebug","node-name":"bd","image":{{"driver":"raw","file":
        {{"driver":"file","filename":"{image}"}}}},"inject-error":[{errors}]}}' -device ide-hd,bus=ide.0,drive=bd,"""
            "rerror=report,werror=report".replace("\n", " "))


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_byte_is_read_as_it_is(tmp_path, controller):
    image = noise(tmp_path / "disk.img", 5_000_192)  # no multiple of a page
    done = run("sha256sum </dev/sda; dd if=/dev/sda bs=64k iflag=direct 2>/dev/null | sha256sum; "
               "dd if=/dev/sda bs=1000 skip=777 count=33 2>/dev/null | sha256sum", *options(controller, image))
    whole = hashlib.sha256(image.read_bytes()).hexdigest()
    part = hashlib.sha256(image.read_bytes()[777_000:810_000]).hexdigest()
    assert done.stdout.split()[::2] == [whole, whole, part], done.stderr


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_what_is_written_is_there(tmp_path, controller):
    image, model = noise(tmp_path / "disk.img", 1 << 20), bytearray()
    model[:] = image.read_bytes()
    done = run("""set -e
        dd if=/dev/zero of=/dev/sda bs=4k seek=10 count=20 oflag=direct conv=notrunc 2>/dev/null
        printf hello | dd of=/dev/sda bs=1 seek=5000 conv=notrunc,fsync 2>/dev/null
        dd if=/dev/sda of=/dev/sda bs=512 seek=1000 skip=3 count=700 conv=notrunc 2>/dev/null
        ! dd if=/dev/zero of=/dev/sda bs=512 seek=2047 count=2 conv=notrunc 2>/dev/null
        sync""", *options(controller, image))
    assert done.returncode == 0, done.stderr
    model[40960:40960 + 81920] = bytes(81920)
    model[5000:5005] = b"hello"
    model[512000:512000 + 358400] = model[1536:1536 + 358400]
    model[2047 * 512:] = bytes(512)
    assert image.read_bytes() == model


@pytest.mark.parametrize("controller, requests, most", [
    ("ahci", 4000, 262144), ("ide-pc", 1600, 65536), ("isa-ide", 400, 16384), ("am53c974", 800, 65536), ("lsi", 2000, 262144),
    ("lsi810", 1000, 131072), ("atadisk-pc", 400, 16384), ("atadisk-isa", 400, 16384)])
def test_random_requests_of_many_threads_are_verified(tmp_path, controller, requests, most):
    image = sparse(tmp_path / "disk.img", 32 << 20)
    done = run(f"/tests/io /dev/sda {requests} 8 {most} && /tests/io /dev/sda {requests} 8 {most} direct && ports",
               *options(controller, image), "--smp", "4", "--mem", "512M", timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"io: {requests} requests") == 2
    assert re.search(r"^(ata|scsi)\d+ +running .* 0 +-$", done.stdout, re.M)


@pytest.mark.parametrize("controller", ["ahci", "ide-pc", "lsi"])
def test_transfers_go_on_by_themselves(tmp_path, controller):
    done = run("/tests/aio /dev/sda && ports", *options(controller, sparse(tmp_path / "disk.img", 8 << 20)), "--smp", "4")
    assert done.stdout.startswith("ok\n"), done.stdout + done.stderr
    assert re.search(r"^(ata|scsi)\d+ +running .* 0 +-$", done.stdout, re.M)


@pytest.mark.parametrize("controller", ["ide-pc", "lsi", "am53c974"])
def test_memory_above_4_gib_is_reached_by_a_device_of_32_bits(tmp_path, controller):
    image = noise(tmp_path / "disk.img", 4 << 20)
    done = run("dd if=/dev/sda bs=64k iflag=direct 2>/dev/null | sha256sum; /tests/io /dev/sda 300 4 65536 direct; ports -v",
               *options(controller, image), "--mem", "6G", timeout=300)
    assert hashlib.sha256(noise(tmp_path / "same", 4 << 20).read_bytes()).hexdigest() in done.stdout, done.stderr
    assert "io: 300 requests" in done.stdout
    bounced = re.search(r"^(?:ata|scsi)0:0 +(?:\d+ +){5}(\d+)", done.stdout, re.M)
    assert int(bounced[1]) > 0, done.stdout


@pytest.mark.parametrize("controller", ["ahci", "ide-pc", "lsi"])
@pytest.mark.parametrize("size, shown", [
    (512, "512 B"), (504 << 20, "504 MiB"), (8 << 30, "8 GiB"), (128 << 30, "128 GiB"), (3 * TIB, "3 TiB")],
    ids=["1-sector", "504M", "8G", "128G", "3T"])
def test_disks_of_any_size(tmp_path, controller, size, shown):
    image = sparse(tmp_path / "disk.img", size)
    with open(image, "r+b") as f:
        f.seek(size - 512)
        f.write(b"THE LAST SECTOR")
    last = size // 512 - 1
    done = run(f"disks; blockdev --getsize64 /dev/sda; dd if=/dev/sda bs=512 skip={last} 2>/dev/null | head -c 15; echo; "
               f"echo written | dd of=/dev/sda bs=512 seek={last} conv=notrunc,sync,fsync 2>/dev/null",
               *options(controller, image))
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^sda +{re.escape(shown)} ", done.stdout, re.M)
    assert f"\n{size}\nTHE LAST SECTOR\n" in done.stdout
    with open(image, "rb") as f:
        f.seek(size - 512)
        assert f.read(8) == b"written\n"


def test_thirty_disks_at_once(tmp_path):
    words = []
    for n in range(30):
        path = sparse(tmp_path / f"{n}.img", 1 << 20)
        path.write_bytes(b"%02d" % n + bytes((1 << 20) - 2))
        words += ["--disk", f"ahci:{path}"]
    done = run("for d in $(disks | sed 1d | cut -d' ' -f1); do head -c 2 /dev/$d; echo; done", *words, "--mem", "512M")
    assert sorted(done.stdout.split()) == [f"{n:02}" for n in range(30)], done.stderr
    assert "sdad" in run("parts sdad", *words, "--mem", "512M").stdout


# ---- partitions, made by others

def sfdisk(image, script):
    subprocess.run(["/sbin/sfdisk", "-q", image], input=script, text=True, check=True)


def test_partitions_of_an_mbr_with_logical_ones(tmp_path):
    image = sparse(tmp_path / "disk.img", 64 << 20)
    sfdisk(image, "label: dos\nstart=2048, size=8192, type=c\nsize=20480, type=83\nsize=60000, type=5\n5 : size=10000, type=83\n"
                  "6 : size=12000, type=82\n")
    with open(image, "r+b") as f:
        f.seek(2048 * 512)
        f.write(b"FIRST")
    done = run("parts; head -c 5 /dev/sda1; echo; blockdev --getsz /dev/sda6; echo end | dd of=/dev/sda1 bs=512 seek=8192 2>&1; "
               "cat /proc/partitions | wc -l", "--disk", f"ahci:{image}")
    assert re.search(r"^sda1 +4 MiB +2048 +10239$", done.stdout, re.M), done.stdout
    assert [name for name in re.findall(r"^(sda\d*) ", done.stdout, re.M)] == ["sda", "sda1", "sda2", "sda5", "sda6"]
    assert "\nFIRST\n12000\n" in done.stdout and "No space left on device" in done.stdout
    assert done.stdout.rstrip().endswith("\n7")


def test_sys_tells_of_disks_and_partitions_by_name_and_by_number(tmp_path):
    image = sparse(tmp_path / "disk.img", 64 << 20)
    sfdisk(image, "label: gpt\nsize=20MiB\nsize=30MiB\n")
    done = run("cd /sys/block/sda; for i in size dev removable ro queue/logical_block_size queue/max_sectors_kb sda2/start sda2/partition; do "
               "echo $i $(cat $i); done; echo second $(cat /sys/dev/block/8:2/size); readlink -f /sys/class/block/sda1; readlink -f /sys/dev/block/8:0; "
               "ls /sys/class/block; cat stat | wc -w; cat /sys/block/sdb/size; cat sda3/size; echo 1 > sda2/size; find /sys/block/sda -type f | wc -l",
               "--disk", f"ahci:{image}")
    said = done.stdout.replace("\r", "")
    for line in ("size 131072", "dev 8:0", "removable 0", "ro 0", "queue/logical_block_size 512", "sda2/start 43008", "sda2/partition 2",
                 "second 61440", "/sys/block/sda/sda1", "/sys/block/sda", "17"):
        assert f"\n{line}\n" in "\n" + said, (line, said)
    assert re.search(r"^queue/max_sectors_kb [1-9]\d+$", said, re.M), said
    assert "sdb/size': No such file" in done.stderr + said and "sda3/size': No such file" in done.stderr + said
    assert "can't create sda2/size" in done.stderr + said
    assert int(said.split()[-1]) > 25, said


def test_partitions_of_a_gpt_its_backup_and_a_malformed_one(tmp_path):
    image = sparse(tmp_path / "disk.img", 64 << 20)
    sfdisk(image, "label: gpt\nsize=2048\nsize=4096\n")
    whole = bytearray(image.read_bytes())
    assert re.search(r"^sda2 +2 MiB ", run("parts", "--disk", f"ahci:{image}").stdout, re.M)
    whole[512 + 60] ^= 1  # the first header's GUID
    image.write_bytes(whole)
    done = run("parts; dmesg", "--disk", f"ahci:{image}")
    assert re.search(r"^sda2 +2 MiB ", done.stdout, re.M)
    assert "sda: the backup partition table is used: GPT header at block 1: its checksum is wrong" in done.stdout
    whole[-512 + 60] ^= 1
    image.write_bytes(whole)
    done = run("parts; dmesg; parts -r sda", "--disk", f"ahci:{image}")
    assert "sda1" not in done.stdout.split("Portolan")[0]
    assert "sda: the partition table is not used: GPT header at block 1: its checksum is wrong" in done.stdout


# ---- errors

ONCE, ALWAYS = "true", "false"


@pytest.mark.parametrize("kind, once, fails", [
    ("read", ONCE, False), ("read", ALWAYS, True), ("write", ONCE, False), ("write", ALWAYS, True)])
def test_errors_at_a_sector(tmp_path, kind, once, fails):
    image = noise(tmp_path / "disk.img", 1 << 20)
    rule = {"event": '"none"', "iotype": f'"{kind}"', "sector": 1000, "errno": 5, "once": once}
    what = ("dd if=/dev/sda of=/dev/null bs=512 skip=1000 count=1" if kind == "read"
            else "dd if=/dev/zero of=/dev/sda bs=512 seek=1000 count=1 conv=notrunc")
    done = run(f"{what} 2>/dev/null; echo $?; dd if=/dev/sda bs=512 skip=1001 count=10 2>/dev/null | wc -c",
               *blkdebug(image, rule))
    assert done.stdout.split() == ["1" if fails else "0", "5120"], done.stderr


def test_a_flush_that_fails_is_told_and_not_tried_again(tmp_path):
    image = noise(tmp_path / "disk.img", 1 << 20)
    rule = {"event": '"none"', "iotype": '"flush"', "errno": 5, "once": ONCE}
    done = run("for i in 1 2; do dd if=/dev/zero of=/dev/sda bs=512 count=1 conv=notrunc,fsync 2>/dev/null; echo $?; done",
               *blkdebug(image, rule))
    assert done.stdout.split() == ["1", "0"], done.stderr


def test_errors_under_load_cost_the_requests_that_meet_them(tmp_path):
    image = sparse(tmp_path / "disk.img", 16 << 20)
    rules = [{"event": '"none"', "iotype": '"write"', "sector": sector, "errno": 5, "once": ALWAYS}
             for sector in (3000, 20001)]
    done = run("/tests/io /dev/sda 800 8 32768 direct errors; dmesg | grep -c 'writing of'", *blkdebug(image, *rules), "--smp",
               "4")
    report = re.search(r"io: 800 requests, \d+ bytes, (\d+) errors", done.stdout)
    assert report and int(report[1]) > 0, done.stdout + done.stderr


def test_the_machine_turns_off_while_its_disks_are_read(tmp_path):
    """What is to be told to a disk at the end does not wait behind requests that are held."""
    image = sparse(tmp_path / "disk.img", 64 << 20)
    done = run("for i in 1 2 3 4; do (while :; do dd if=/dev/sda of=/dev/null bs=4k iflag=direct; done) </dev/null >/dev/null 2>&1 & done; "
               "sleep 1; echo off", "--smp", "4", "--disk", f"ahci:{image}", timeout=60)
    assert done.returncode == 0 and done.stdout == "off\n", done.stdout + done.stderr


# ---- the cache

def test_the_cache_gives_way_to_programs_and_serves_many(tmp_path):
    """A disk four times as large as memory, read by three at once while others need memory."""
    image = noise(tmp_path / "disk.img", 192 << 20)
    done = run("sleep 1000 </dev/sda & (sha256sum /dev/sda >/tmp/1 & sha256sum /dev/sda >/tmp/2 & dd if=/dev/sda bs=4k 2>/dev/null | "
               "sha256sum >/tmp/3 & wait); cat /tmp/[123]; "
               "/tests/forks | tail -1; free | sed -n 2p; kill %1; wait 2>/dev/null; free | sed -n 2p", "--mem", "48M", "--smp", "4",
               "--disk", f"ahci:{image}")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == [hashlib.sha256(image.read_bytes()).hexdigest()] * 3, done.stdout + done.stderr
    assert lines[3] == "ok", done.stdout
    cached, left = int(lines[4].split()[5]), int(lines[-1].split()[5])
    assert cached > 10_000 and left == 0, done.stdout


def test_the_cache_and_direct_access_see_the_same(tmp_path):
    image = noise(tmp_path / "disk.img", 8 << 20)
    done = run("sleep 1000 </dev/sda & sha256sum </dev/sda >/dev/null; yes new | head -c 65536 >/tmp/new; "
               "dd if=/tmp/new of=/dev/sda bs=64k seek=3 oflag=direct 2>/dev/null; dd if=/dev/sda bs=64k skip=3 count=1 2>/dev/null | cmp - /tmp/new && "
               "echo same; printf odd | dd of=/dev/sda bs=1 seek=1000001 2>/dev/null; sha256sum </dev/sda; "
               "dd if=/dev/sda bs=1M iflag=direct 2>/dev/null | sha256sum; kill %1", "--disk", f"ahci:{image}")
    want = hashlib.sha256(image.read_bytes()).hexdigest()
    assert done.stdout.split() == ["same", want, "-", want, "-"], done.stdout + done.stderr
    assert image.read_bytes()[1_000_001:1_000_004] == b"odd"


# ---- CDs, and the commands

@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_a_cd_is_read_and_its_tray_opens_and_closes(tmp_path, machine):
    image = noise(tmp_path / "cd.img", 2 << 20)
    done = run("sha256sum </dev/sr0; eject; head -c 1 /dev/sr0 2>&1; eject -t; head -c 2000000 /dev/sr0 | wc -c; "
               "dd if=/dev/zero of=/dev/sr0 count=1 2>&1 | head -1", "--machine", machine, "--cd", image)
    assert hashlib.sha256(image.read_bytes()).hexdigest() in done.stdout, done.stderr
    assert "No medium found" in done.stdout and "\n2000000\n" in done.stdout and "Read-only file system" in done.stdout


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_the_medium_of_a_drive_changes(tmp_path, machine):
    """By QEMU's hand: another disc, the tray open, nothing in it, the first one again."""
    first, second = noise(tmp_path / "first.img", 2 << 20), noise(tmp_path / "second.img", 3 << 20, seed=2)

    def look(m, blocks, at):
        m.send("/tests/cdrom; sha256sum </dev/sr0; echo end $((6 * 7))\n")
        end = m.wait_for("end 42", start=at)
        text = m.output[at:end]
        if blocks:
            seconds = (blocks + 150) // 75
            facts = (f"blocks 0 to {blocks}, control 4", f"minutes {seconds // 60}:{seconds % 60:02}.{(blocks + 150) % 75:02}", "drive: 4",
                     "disc: 101", "tracks 1 to 1", "none: Invalid argument", "session 0 at 0")
            assert all(fact in text for fact in facts), text
        return end, text

    with Machine("--machine", machine, "--boot", "kernel", "--cd", first, "--qemu", qmp.option(tmp_path / "qmp"), PORTOLAN_VARIANT="debug") as m:
        at = m.wait_for(r"portolan:.*[#$] ", timeout=240)
        with qmp.Qmp(tmp_path / "qmp") as q:
            at, text = look(m, 1024, at)
            assert hashlib.sha256(first.read_bytes()).hexdigest() in text
            q.command("blockdev-change-medium", device="cd", filename=str(second), format="raw")
            at, text = look(m, 1536, at)
            assert re.search(r"changed: 1\s+changed: 0", text), text
            assert hashlib.sha256(second.read_bytes()).hexdigest() in text
            q.command("blockdev-open-tray", device="cd")
            at, text = look(m, 0, at)
            assert "drive: 2" in text and "No medium found" in text, text
            q.command("blockdev-remove-medium", id=next(b["qdev"] for b in q.command("query-block") if b["device"] == "cd"))
            q.command("blockdev-close-tray", device="cd")
            at, text = look(m, 0, at)
            assert "drive: 1" in text and "disc: 1" in text and "No medium found" in text, text
            q.command("blockdev-change-medium", device="cd", filename=str(first), format="raw")
            at, text = look(m, 1024, at)
            assert hashlib.sha256(first.read_bytes()).hexdigest() in text
            m.send("eject; echo end $((6 * 7))\n")
            at = m.wait_for("end 42", start=at)
            assert next(b for b in q.command("query-block") if b["device"] == "cd")["tray_open"]
            m.send("eject -t; echo end $((6 * 7))\n")
            at = m.wait_for("end 42", start=at)
            look(m, 1024, at)
        assert m.quit() == 0


@pytest.mark.parametrize("machine, lengths", [
    ("q35", "5 35 36 95"), ("pc", "6 34 36 96")], ids=["q35", "pc"])  # QEMU's PIO never ends an answer of an odd length
def test_answers_of_short_and_odd_lengths(tmp_path, machine, lengths):
    done = run(f"for n in {lengths}; do cdb -b -r $n /dev/sr0 12 0 0 0 $(printf %x $n) 0 | wc -c; done; ports", "--machine",
               machine, "--cd", noise(tmp_path / "cd.img", 1 << 20))
    assert done.stdout.split()[:4] == [*lengths.split()[:3], "36"], done.stdout + done.stderr
    assert re.search(r"^ata\d+ +running .* 0 +-$", done.stdout, re.M)


def test_the_commands_say_what_there_is(tmp_path):
    image = noise(tmp_path / "disk.img", 8 << 20)
    done = run("disks -v; identify /dev/sda; inquiry /dev/sda; smart /dev/sda; cdb -r 8 /dev/sda 25 0 0 0 0 0 0 0 0 0; iostat",
               "--disk", f"ahci:{image}")
    assert done.returncode == 0, done.stderr
    for line in (r"^sda +8 MiB +ATA QEMU HARDDISK +ata0:0:0:0 +ahci\.sys +0000:00:1f\.2 +512 +512 +32 ",
                 r"^model +QEMU HARDDISK$", r"^capacity +16384 sectors of 512 bytes: 8 MiB$", r"^NCQ depth +32$",
                 r"^product +QEMU HARDDISK", r"^health: good$", r"^000000  00 00 3f ff 00 00 02 00 ", r"^sda +[\d.]+ "):
        assert re.search(line, done.stdout, re.M), line


@pytest.mark.parametrize("command, status, said", [
    ("cdb /dev/sda ff 0 0 0 0 0", 1, "illegal request: invalid command operation code (5/20/00)"),
    ("cdb -r 512 /dev/sda 28 0 7f ff ff ff 0 0 1 0", 1, "logical block address out of range (5/21/00)"),
    ("cdb /dev/sda", 2, "which command?"), ("cdb /dev/sda zz", 2, "'zz' is no hexadecimal byte"),
    ("cdb /dev/sda 0 1 2 3 4 5 6 7 8 9 a b c d e f 10", 2, "16 bytes at most"), ("cdb -r", 2, "'-r' needs a value"),
    ("cdb -r 9999999 /dev/sda 12", 2, "'9999999' is no number of bytes from 1 to 1048576"),
    ("identify /dev/sdz", 1, "/dev/sdz: No such file"), ("identify /dev/null", 1, "/dev/null: is no disk and no CD\n"),
    ("smart /etc", 1, "/etc: is no disk and no CD\n"), ("inquiry", 2, "which device?"), ("eject a b", 2, "one device, and not 'b' as well"),
    ("parts sdq", 1, "there is no disk 'sdq'"), ("iostat x", 2, "'x' is no number of SECONDS from 1 to "), ("iostat 1 0", 2, "'0' is no number of TIMES"),
    ("tour 3x", 2, "'3x' is no step from 1 to 12"), ("registry nothing", 1, "nothing lies at or below 'nothing'"),
    ("rescan nothing", 1, "there is no adapter 'nothing'"), ("rescan && rescan ata0 && disks | grep -q sda", 0, ""),
    ("disks --help && parts --help && identify --help && inquiry --help && smart --help && cdb --help && eject --help && "
     "iostat --help && iobench --help && rescan --help", 0, ""),
    ("iobench -b 100 /dev/sda", 2, "'100' is no multiple of 512 bytes"), ("iobench -b 65M /dev/sda", 2, "'65' is no number of MiB from 1 to 64"),
    ("iobench -b 0 /dev/sda", 2, "'0' is no number of bytes from 1 to "), ("iobench /dev/null", 1, "is neither a disk nor a file"),
    ("iobench -b 16M -d 32 /dev/sda", 2, "more than 256 MiB of memory"),
    ("iobench -b 16M -n 1 /dev/sda", 1, "less than one request"),
])
def test_the_commands_say_what_is_wrong(tmp_path, command, status, said):
    done = run(command, "--disk", f"ahci:{noise(tmp_path / 'disk.img', 1 << 20)}")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
