"""SCSI adapters as programs meet them: many units, other devices than disks, several adapters at once, units that come and go."""

import hashlib
import random
import re

import pytest

import qmp
from launcher import Machine, portolan

HBAS = {"am53c974": "am53c974", "lsi": "lsi53c895a", "lsi810": "lsi53c810", "dc390": "dc390"}
PROMPT = r"portolan:.*[#$] "
# What drivers have broken; a call that took long is the host's doing, and a request over its time no driver's.
TELL = "dmesg | grep '([AS]-[0-9]*)' | grep -v S-109 | sed 's/^/BROKEN: /'; ports"


def run(command, *options, timeout=180):
    return portolan("exec", "--timeout", timeout, *options, "--", command, timeout=timeout + 60, PORTOLAN_VARIANT="debug")


def all_is_well(said, adapters=1):
    assert not re.search(r"^BROKEN: ", said, re.M), said
    assert len(re.findall(r"^(?:ata|scsi)\d+ +running .* -\r?$", said, re.M)) >= adapters, said


def image(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def units(hba, images):
    """QEMU's words for an adapter with these disks: [(target, lun, image)]."""
    words = [f"-device {HBAS[hba]},id=hba"]
    for n, (target, lun, path) in enumerate(images):
        words += [f"-drive if=none,id=u{n},format=raw,file={path}",
                  f"-device scsi-hd,bus=hba.0,scsi-id={target},lun={lun},drive=u{n},id=d{n}"]
    return "--qemu", " ".join(words)


@pytest.mark.parametrize("smp", [1, 4])
@pytest.mark.parametrize("hba, targets, luns", [
    ("am53c974", range(7), range(8)), ("am53c974", (1, 6), (2, 5, 7)), ("dc390", range(7), (0, 3)), ("lsi", range(7), (0,)),
    ("lsi810", (0, 6), (0,))], ids=["am53c974-56", "am53c974-sparse", "dc390", "lsi-7", "lsi810-2"])
def test_every_unit_of_every_target_is_itself(tmp_path, hba, targets, luns, smp):
    where = [(target, lun) for target in targets for lun in luns]
    disks = [(target, lun, image(tmp_path / f"{target}-{lun}.img", 65536, 10 * target + lun)) for target, lun in where]
    done = run("disks; for d in $(disks | sed 1d | cut -d' ' -f1); do sha256sum /dev/$d & done; wait; " + TELL, *units(hba, disks),
               "--smp", smp, "--mem", "6G" if smp == 4 else "512M", timeout=300)
    names = dict(re.findall(r"^(sd\w+) .* scsi0:0:(\d+:\d+) ", done.stdout, re.M))
    assert sorted(names.values()) == sorted(f"{target}:{lun}" for target, lun in where), done.stdout + done.stderr
    sums = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  /dev/(\w+)$", done.stdout, re.M)}
    for target, lun, path in disks:
        name = next(n for n, at in names.items() if at == f"{target}:{lun}")
        assert sums[name] == hashlib.sha256(path.read_bytes()).hexdigest(), (target, lun)
    all_is_well(done.stdout)


def blank(path, size=4 << 20):
    with open(path, "wb") as f:
        f.truncate(size)
    return path


@pytest.mark.parametrize("smp, mem", [(1, "256M"), (4, "6G")])
@pytest.mark.parametrize("hba, luns", [("lsi", (0,)), ("am53c974", (0, 5))])
def test_targets_work_at_once(tmp_path, hba, luns, smp, mem):
    disks = [(target, lun, blank(tmp_path / f"{target}-{lun}.img")) for target in range(7) for lun in luns]
    done = run("for d in $(disks | sed 1d | cut -d' ' -f1); do /tests/io /dev/$d 100 4 32768 direct & done; wait; " + TELL,
               *units(hba, disks), "--smp", smp, "--mem", mem, timeout=300)
    assert len(re.findall(r"^io: 100 requests, \d+ bytes, 0 errors$", done.stdout, re.M)) == len(disks), done.stdout + done.stderr
    all_is_well(done.stdout)


@pytest.mark.parametrize("hba", ["lsi", "am53c974"])
def test_an_adapter_is_restarted_under_load(tmp_path, hba):
    """The disk stays, with what is written to it, and no program sees anything of it."""
    done = run("at=$(ports | sed -n 's/^scsi0 .* 0000:\\([^ ]*\\) .*/\\1/p'); /tests/io /dev/sda 1500 4 65536 direct & "
               "for i in 1 2 3 4 5; do drivers restart $at || echo not restarted; done; wait; dmesg | grep -c 'scsi0: started again'; " + TELL,
               *units(hba, [(0, 0, blank(tmp_path / "disk.img", 16 << 20))]), "--smp", 4, timeout=300)
    assert re.search(r"^io: 1500 requests, \d+ bytes, 0 errors$", done.stdout, re.M), done.stdout + done.stderr
    assert re.search(r"^5\nADAPTER", done.stdout, re.M) and "not restarted" not in done.stdout, done.stdout
    all_is_well(done.stdout)
    assert re.search(r"^scsi0:0:0:0 .* 0 +-$", done.stdout, re.M), done.stdout


def test_ports_that_cannot_restart_say_so(tmp_path):
    done = run("drivers restart 00:1f.2; drivers restart 00:00.0", "--disk", f"ahci:{blank(tmp_path / 'disk.img')}")
    assert done.stderr.splitlines()[-2:] == ["drivers: restart 00:1f.2: the ataport cannot do that",
                                             "drivers: restart 00:00.0: 00:00.0 is bound to no driver"], done.stderr


def test_four_adapters_under_load_while_one_of_them_fails(tmp_path):
    """A disk behind the 53C895A has bad sectors; what the others do is as if it were not there."""
    paths = {}
    for name in ("ahci", "ide", "am53c974"):
        paths[name] = tmp_path / f"{name}.img"
        paths[name].write_bytes(bytes(8 << 20))
    bad = tmp_path / "bad.img"
    bad.write_bytes(bytes(8 << 20))
    rule = '{"event":"none","iotype":"write","sector":3000,"errno":5,"once":false}'
    done = run("for d in $(disks | sed 1d | grep -v sym53c8xx | cut -d' ' -f1); do /tests/io /dev/$d 300 4 32768 direct >/tmp/$d & done; "
               "bad=$(disks | grep sym53c8xx | cut -d' ' -f1); "
               "for i in 1 2 3 4 5; do dd if=/dev/zero of=/dev/$bad bs=64k count=64 oflag=direct 2>&1 | grep -c error; done; wait; "
               "cat /tmp/sd?; " + TELL,
               *[w for name, path in paths.items() for w in ("--disk", f"{name}:{path}")], "--smp", "4", "--mem", "512M", "--qemu",
               f"-device lsi53c895a,id=hba -blockdev '{{\"driver\":\"blkdebug\",\"node-name\":\"bd\",\"image\":{{\"driver\":\"raw\","
               f"\"file\":{{\"driver\":\"file\",\"filename\":\"{bad}\"}}}},\"inject-error\":[{rule}]}}' "
               "-device scsi-hd,bus=hba.0,drive=bd,rerror=report,werror=report", timeout=400)
    assert done.stdout.startswith("1\n" * 5), done.stdout + done.stderr
    assert done.stdout.count("io: 300 requests") == 3 and done.stdout.count(" 0 errors") == 3, done.stdout + done.stderr
    all_is_well(done.stdout, 4)


@pytest.mark.parametrize("hba", ["lsi", "am53c974"])
def test_errors_come_as_sense_data(tmp_path, hba):
    disk = image(tmp_path / "disk.img", 1 << 20)
    rule = '{"event":"none","iotype":"read","sector":1000,"errno":5,"once":false}'
    done = run("dd if=/dev/sda of=/dev/null bs=512 skip=1000 count=1 iflag=direct 2>&1 | head -1; dmesg | grep 'reading of'; "
               "dd if=/dev/sda bs=512 skip=1001 count=10 2>/dev/null | wc -c; cdb -r 512 /dev/sda 28 0 7f ff ff ff 0 0 1 0",
               "--qemu", f"-device {HBAS[hba]},id=hba -blockdev '{{\"driver\":\"blkdebug\",\"node-name\":\"bd\",\"image\":"
               f"{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{disk}\"}}}},\"inject-error\":[{rule}]}}' "
               "-device scsi-hd,bus=hba.0,drive=bd,rerror=report,werror=report")
    assert "Input/output error" in done.stdout and "sense b/00/06" in done.stdout, done.stdout + done.stderr
    assert "\n5120\n" in done.stdout
    assert "logical block address out of range (5/21/00)" in done.stdout + done.stderr


def test_a_cd_drive_is_one(tmp_path):
    cd = image(tmp_path / "cd.img", 1 << 20)
    done = run("sha256sum </dev/sr0; disks; ports", "--qemu", f"-device lsi53c895a,id=hba -drive if=none,id=c,media=cdrom,format=raw,file={cd} "
               "-device scsi-cd,bus=hba.0,scsi-id=3,drive=c -device am53c974,id=two -device scsi-cd,bus=two.0,scsi-id=1,lun=2")
    assert hashlib.sha256(cd.read_bytes()).hexdigest() in done.stdout, done.stdout + done.stderr
    assert re.search(r"^sr0 .* scsi0:0:3:0 ", done.stdout, re.M) and "sda" not in done.stdout
    assert re.search(r"^sr1 +no medium .* scsi1:0:1:2 ", done.stdout, re.M)  # a target without unit 0
    assert re.search(r"^scsi0:0:3:0 +cd +QEMU QEMU CD-ROM ", done.stdout, re.M)


@pytest.mark.parametrize("hba", ["lsi", "am53c974"])
def test_disks_come_and_go(tmp_path, hba):
    """SCSI of that age has no word for it: `rescan` looks."""
    first, second = image(tmp_path / "1.img", 1 << 20), image(tmp_path / "2.img", 1 << 20, 2)
    with Machine(*units(hba, [(0, 0, first)]), "--qemu", f"-blockdev driver=raw,node-name=more,file.driver=file,file.filename={second} {qmp.option(tmp_path / 'qmp')}",
                 "--boot", "kernel", PORTOLAN_VARIANT="debug") as m:
        at = m.wait_for(PROMPT, timeout=240)
        with qmp.Qmp(tmp_path / "qmp") as q:
            for _ in range(3):
                q.command("device_add", driver="scsi-hd", bus="hba.0", id="guest", drive="more", **{"scsi-id": 4, "share-rw": True})
                m.send("rescan scsi0; sha256sum </dev/sdb; echo end $((6 * 7))\n")
                at = m.wait_for("end 42", start=at)
                assert hashlib.sha256(second.read_bytes()).hexdigest() in m.output
                q.command("device_del", id="guest")
                q.event("DEVICE_DELETED", device="guest")
                m.send("rescan scsi0; disks; echo end $((6 * 7))\n")
                end = m.wait_for("end 42", start=at)
                assert "sdb " not in m.output[m.output.rindex("NAME", at, end):end], m.output[at:end]
                at = end
        assert m.quit() == 0


@pytest.mark.parametrize("hba", ["lsi", "am53c974"])
def test_a_disk_is_pulled_while_it_works(tmp_path, hba):
    """What it was doing fails; its neighbour, whose requests a reset of the bus may end, notices nothing; another one may come."""
    first, second, third = blank(tmp_path / "1.img", 16 << 20), blank(tmp_path / "2.img", 16 << 20), image(tmp_path / "3.img", 1 << 20)
    with Machine(*units(hba, [(0, 0, first), (4, 0, second)]), "--qemu", f"-blockdev driver=raw,node-name=more,file.driver=file,file.filename={third} {qmp.option(tmp_path / 'qmp')}",
                 "--boot", "kernel", "--smp", 4, PORTOLAN_VARIANT="debug") as m:
        at = m.wait_for(PROMPT, timeout=240)
        with qmp.Qmp(tmp_path / "qmp") as q:
            m.send("/tests/io /dev/sda 5000 4 32768 direct >/tmp/a & /tests/io /dev/sdb 100000 4 32768 direct errors >/tmp/b 2>&1 & "
                   "while [ $(ports | awk '/^scsi0:0:4:0/ { print $8 }') -lt 300 ]; do :; done; echo at $((6 * 7))\n")
            at = m.wait_for("at 42", start=at, timeout=240)
            q.command("device_del", id="d1")
            q.event("DEVICE_DELETED", device="d1")
            m.send("rescan scsi0; disks; echo gone $((6 * 7))\n")
            at = m.wait_for("gone 42", start=at, timeout=300)
            assert "sdb " not in m.output[m.output.rindex("NAME", 0, at):at], m.output[-3000:]
            q.command("device_add", driver="scsi-hd", bus="hba.0", id="guest", drive="more", **{"scsi-id": 4, "share-rw": True})
            m.send(f"rescan scsi0; sha256sum </dev/sdb; wait; cat /tmp/a; {TELL}; echo end $((6 * 7))\n")
            m.wait_for("end 42", start=at, timeout=300)
            said = m.output[at:]
            assert hashlib.sha256(third.read_bytes()).hexdigest() in said, said
            assert re.search(r"^io: 5000 requests, \d+ bytes, 0 errors\r?$", said, re.M), said
            all_is_well(said)
        assert m.quit() == 0


def test_both_models_serve_the_same_disk(tmp_path):
    """ide through the ATA port, atadisk through the SCSI port: chosen by an option, and never both."""
    disk = image(tmp_path / "disk.img", 1 << 20)
    for option, driver, path in (("", "ide.sys", "ata0:0:0:0"), ("driver=atadisk", "atadisk.sys", "scsi0:0:0:0")):
        done = run("disks; sha256sum </dev/sda; ports", "--machine", "pc", "--disk", f"ide:{disk}", *(["--append", option] if option else []))
        assert re.search(rf"^sda .* {path} +{re.escape(driver)} ", done.stdout, re.M), done.stdout + done.stderr
        assert hashlib.sha256(disk.read_bytes()).hexdigest() in done.stdout
        assert len(re.findall(r"^\w+ +running ", done.stdout, re.M)) == 1
