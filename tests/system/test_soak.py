"""All controllers at once, files and raw blocks, with a controller and a disk that come and go, a disk with bad blocks, and little memory.

PORTOLAN_SOAK: minutes (3)."""

import hashlib
import os
import random
import re
import subprocess
import time
from pathlib import Path

import qmp
from launcher import Machine

MINUTES = float(os.environ.get("PORTOLAN_SOAK", "3"))
MIB = 1 << 20
ENVIRONMENT = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "MTOOLS_SKIP_CHECK": "1"}
PROMPT = r"portolan:.*[#$] "


def blank(path, mib, data=b""):
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(mib * MIB)
    return path


def volume(path, label, bits, more=()):
    """A volume with a tree of files that are all different."""
    blank(path, 64)
    subprocess.run(["mkfs.fat", "-F", str(bits), "-n", label, path], env=ENVIRONMENT, check=True, capture_output=True)
    tree, random_ = path.parent / label / "tree", random.Random(label)
    for n in range(40):
        folder = tree / f"folder {n % 7}" / f"below {n % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file number {n}.data").write_bytes(random_.randbytes(random_.choice([0, 1, 511, 4096, 70_000, 400_000])))
    subprocess.run(["mcopy", "-s", "-Q", "-i", path, tree, *more, "::"], env=ENVIRONMENT, check=True)
    return path


def check(path):
    done = subprocess.run(["fsck.fat", "-n", path], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_soak(tmp_path):
    script = Path(__file__).with_name("soak.sh")
    a, b = volume(tmp_path / "a.img", "SOAKA", 32, [script]), volume(tmp_path / "b.img", "SOAKB", 16)
    hot = random.Random(7).randbytes(12 * MIB)
    blank(tmp_path / "hot.img", 12, hot)
    blank(tmp_path / "bad.img", 11)
    rules = ",".join(f'{{"event":"none","iotype":"{kind}","sector":{sector},"errno":5,"once":false}}'
                     for kind, sector in (("read", 3000), ("write", 9000)))
    devices = ("-device pcie-root-port,id=slot7,chassis=1,slot=7 -device ich9-ahci,bus=slot7,id=hba0 -device am53c974,id=hot "
               f"-blockdev driver=raw,node-name=there,file.driver=file,file.filename={tmp_path / 'hot.img'} "
               "-device scsi-hd,bus=hot.0,drive=there,id=disk0 -device lsi53c895a,id=lsi -blockdev "
               f"'{{\"driver\":\"blkdebug\",\"node-name\":\"bd\",\"image\":{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":"
               f"\"{tmp_path / 'bad.img'}\"}}}},\"inject-error\":[{rules}]}}' -device scsi-hd,bus=lsi.0,drive=bd,rerror=report,werror=report")
    with Machine("--boot", "kernel", "--smp", 4, "--mem", "192M", "--disk", f"ahci:{a}", "--disk", f"ide:{b}",
                 "--disk", f"ahci:{blank(tmp_path / '9.img', 9)}", "--disk", f"am53c974:{blank(tmp_path / '10.img', 10)}",
                 "--qemu", f"{devices} {qmp.option(tmp_path / 'qmp')}", PORTOLAN_VARIANT="debug") as m:
        m.wait_for(PROMPT, timeout=240)
        m.send(f"sh /mnt/SOAKA/soak.sh {int(60 * MINUTES)} {hashlib.sha256(hot[:100 * 65536]).hexdigest()}\n")
        end, rounds = time.monotonic() + 60 * MINUTES - 20, 0
        with qmp.Qmp(tmp_path / "qmp") as q:
            while time.monotonic() < end:
                time.sleep(5)
                for device in (f"hba{rounds}", f"disk{rounds}"):
                    q.command("device_del", id=device)
                    q.event("DEVICE_DELETED", device=device)
                time.sleep(2)
                rounds += 1
                q.command("device_add", driver="ich9-ahci", bus="slot7", id=f"hba{rounds}")
                q.command("device_add", driver="scsi-hd", bus="hot.0", drive="there", id=f"disk{rounds}")
        m.wait_for("soak: the end", timeout=600)
        said = m.output
        m.send("poweroff\n")
        assert m.wait_end(120) == 0
    assert "WRONG" not in said and "panic" not in said, said[-6000:]
    for what in ("files SOAKA", "files SOAKB", "raw 9", "raw 10", "raw 11", "hot 12", "memory"):
        assert int(re.search(rf"^{what}: (\d+) rounds", said, re.M)[1]) > 0, said[-6000:]
    assert rounds > 1
    was, now = map(int, re.search(r"soak: (\d+) kB were available, (\d+) are", said).groups())
    assert now > was - 2048, said[-3000:]
    adapters = re.findall(r"^adapter (\S+) (\S+)", said, re.M)
    assert len(adapters) >= 4 and all(state == "running" for _, state in adapters), adapters
    check(a)
    check(b)
