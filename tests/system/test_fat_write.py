"""FAT volumes that are written: what Linux's tools find on them afterwards, also when the power was cut or the disk was full."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import zlib

import pytest

from launcher import ROOT, Machine, portolan
from test_fat import ENVIRONMENT, SHAPES, run, tool, volume
from test_faults import BadDisk


def empty(path, mib, options):
    with open(path, "wb") as f:
        f.truncate(mib << 20)
    tool("mkfs.fat", *options.split(), path)
    return path


def clean(image):
    """fsck.fat finds nothing."""
    done = subprocess.run(["fsck.fat", "-n", image], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def content(image, folder):
    """{path: hash} of all files, as mtools read them."""
    folder.mkdir()
    tool("mcopy", "-s", "-n", "-i", image, "::/*", folder)
    return {"./" + str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tree_is_written_as_it_was_read(tmp_path, shape):
    controller, mib, options = SHAPES[shape]
    source, sums = volume(tmp_path, mib, options)
    target = empty(tmp_path / "target.img", mib, options)
    machine = "pc" if controller == "ide" else "q35"
    done = portolan("exec", "--timeout", 200, "--machine", machine, "--disk", f"{controller}:{source}", "--disk", f"{controller}:{target}",
                    "--", "mkdir /tmp/a /tmp/b; mount -t vfat -o ro /dev/sda /tmp/a && mount -t vfat /dev/sdb /tmp/b && cp -r /tmp/a/. /tmp/b && "
                    "umount /tmp/b && mount -t vfat /dev/sdb /tmp/b && cd /tmp/b && find . -type f -exec sha256sum {} +; cd /; umount /tmp/b && echo done",
                    timeout=300, PORTOLAN_VARIANT="debug")
    lines = done.stdout.splitlines()
    assert lines[-1] == "done", done.stdout[-500:] + done.stderr
    assert {line[66:]: line[:64] for line in lines if line[64:66] == "  "} == sums
    assert content(target, tmp_path / "found") == sums
    clean(target)


def test_what_programs_do_with_files(tmp_path):
    image = empty(tmp_path / "volume.img", 40, "-F 32 -s 1")
    done = run(image, """mount -t vfat /dev/sda /mnt; cd /mnt; df . | tail -1 | awk '{print ($2 > 38000), ($3 < 10)}'
        echo one > "A file.txt"; echo two >> "a FILE.txt"; cat A*; ls
        mv "A file.txt" "a File.TXT"; ls; mkdir -p x/y/z; mv "a File.TXT" x/y; mv x/y v; find . | sort
        echo gone > open; exec 3< open; rm open; cat <&3; exec 3<&-; ls open 2>&1 | grep -c 'No such'
        printf 0123456789 > cut; truncate -s 4 cut; truncate -s 8 cut; hexdump -C cut | head -1; wc -c < cut
        touch -d '2001-02-03 04:05:06' cut; stat -c '%y' cut | cut -c 1-19
        chmod a-w cut; ls -l cut | cut -c 1-10; (echo x > cut) 2>/dev/null; chmod u+w cut
        for bad in 'a:b' 'a?b' 'a*b' 'end.' 'end ' 'a<b' 'a|b'; do touch "$bad" 2>&1 | grep -c 'Invalid argument'; done
        mkdir full; touch full/f; rmdir full 2>&1 | grep -c 'not empty'; mv v full 2>&1 | grep -c .; ln -s a b 2>&1 | grep -c 'not permitted'
        echo aliased > 'A long name that has an alias.text'; cat ALONGN~1.TEX; rm ALONGN~1.TEX; ls A* 2>&1 | grep -c 'No such'
        tar cf /tmp/t.tar -C /bin busybox; tar xf /tmp/t.tar; cmp busybox /bin/busybox && echo same; rm busybox
        dd if=/dev/zero of=direct bs=4k count=3 conv=fsync 2>/dev/null; stat -c %s direct; sync; cd /; umount /mnt; echo end""")
    assert done.stdout.splitlines() == [
        "1 1", "one", "two", "A file.txt", "a File.TXT", ".", "./v", "./v/a File.TXT", "./v/z", "./x", "gone", "1",
        "00000000  30 31 32 33 00 00 00 00                           |0123....|", "8", "2001-02-03 04:05:06", "-r-xr-xr-x",
        "1", "1", "1", "1", "1", "1", "1", "1", "0", "1", "aliased", "1", "same", "12288", "end"], done.stdout + done.stderr
    clean(image)
    found = content(image, tmp_path / "found")
    assert set(found) == {"./full/f", "./full/v/a File.TXT", "./cut", "./direct"}


def test_a_write_whose_memory_ends_in_a_page(tmp_path):
    """Of a page that is not in memory yet; on the medium as in the cache."""
    image = empty(tmp_path / "volume.img", 40, "-F 16 -s 8")
    (tmp_path / "A").write_bytes(b"A" * 12288)
    tool("mcopy", "-i", image, tmp_path / "A", "::/A")
    done = run(image, "mount -t vfat /dev/sda /mnt; /tests/halves /mnt/A; umount /mnt")
    assert done.stdout.endswith("\nok\n"), done.stdout + done.stderr
    tool("mcopy", "-i", image, "::/A", tmp_path / "found")
    found = (tmp_path / "found").read_bytes()
    given = found.count(b"B")
    assert found == b"A" * 4096 + b"B" * given + b"A" * (8192 - given) and given == int(done.stdout.split()[0])
    clean(image)


@pytest.mark.parametrize("options", ["-F 12 -s 1", "-F 16 -s 4", "-F 32 -s 1"])
def test_a_full_disk(tmp_path, options):
    mib = {"-F 12 -s 1": 1, "-F 16 -s 4": 20, "-F 32 -s 1": 36}[options]
    image = empty(tmp_path / "volume.img", mib, options)
    done = run(image, """mount -t vfat /dev/sda /mnt; cd /mnt; echo small > small; cat /dev/zero 2>/tmp/e > big; grep -c 'No space' /tmp/e
        (while :; do echo 0123456789 >> more || break; done) 2>&1 | grep -c 'No space'; mkdir d 2>&1 | grep -c 'No space'
        df . | tail -1 | awk '{print ($4 < 20)}'; cat small; rm big; echo again > again && cat again; head -c 700000 /dev/zero > big && echo fits
        cd /; umount /mnt""")
    assert done.stdout.splitlines() == ["1", "1", "1", "1", "small", "again", "fits"], done.stdout + done.stderr
    clean(image)


@pytest.mark.parametrize("controller", ["ahci", "lsi", "am53c974"])
def test_many_at_work_on_four_processors(tmp_path, controller):
    image = empty(tmp_path / "volume.img", 60, "-F 32 -s 2")
    done = portolan("exec", "--timeout", 300, "--smp", 4, "--disk", f"{controller}:{image}", "--", """mount -t vfat /dev/sda /mnt; cd /mnt
        work() { mkdir $1; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c $((n * 3333 + $1)) /bin/busybox > $1/f$n; cat $1/f$n >> all$1; mv $1/f$n $1/renamed$n
          if [ $((n % 3)) = 0 ]; then rm $1/renamed$n; sync; fi; done; }
        for i in 1 2 3 4 5 6; do work $i & done; (for n in 1 2 3 4 5; do find . -type f -exec cat {} + > /dev/null; done) & wait
        for i in 1 2 3 4 5 6; do ls $i | wc -l; sha256sum all$i; done; cd /; umount /mnt; echo end""", timeout=400, PORTOLAN_VARIANT="debug")
    lines = done.stdout.splitlines()
    assert lines[-1] == "end", done.stdout[-500:] + done.stderr
    assert lines[0:12:2] == ["8"] * 6, done.stdout
    busybox = (ROOT / "build/release/root/bin/busybox")
    if busybox.exists():
        bytes_ = busybox.read_bytes()
        for i in range(1, 7):
            whole = b"".join(bytes_[:n * 3333 + i] for n in range(1, 13))
            assert lines[2 * i - 1].split()[0] == hashlib.sha256(whole).hexdigest()
    clean(image)


def test_the_mark_of_a_volume_in_use(tmp_path):
    """A pulled plug leaves it, and the next mount says so; a shutdown takes it away."""
    image = empty(tmp_path / "volume.img", 40, "-F 32 -s 1")
    with open(image, "rb") as f:
        f.seek(65)
        assert f.read(1)[0] & 1 == 0
        run(image, "mount -t vfat /dev/sda /mnt; echo x > /mnt/x; sync; echo 1 > /proc/sys/kernel/sysrq 2>/dev/null; cat /mnt/x")
        f.seek(65)
        assert f.read(1)[0] & 1 == 0  # the machine was shut down
    clean(image)


@pytest.mark.parametrize("rule", [{"do": "error", "op": "write", "skip": 40}, {"do": "error", "op": "flush", "skip": 20}])
def test_a_disk_that_fails_costs_what_it_had_not_said_to_have(tmp_path, rule):
    """fsync says so, again and again; the volume is read-only; what it holds is good."""
    image = empty(tmp_path / "disk.img", 36, "-F 32 -s 1")
    with BadDisk(tmp_path, rule, image=image) as disk:
        done = portolan("exec", "--timeout", 200, "--smp", 2, "--qemu",
                        f"-blockdev driver=nbd,node-name=bad,server.type=unix,server.path={disk.folder / 'nbd'} -device ide-hd,bus=ide.0,drive=bad,"
                        "rerror=report,werror=report", "--", """mount -t vfat /dev/sda /mnt; cd /mnt; n=0
            while [ $n -lt 40 ] && head -c 30000 /bin/busybox > f$n && sync f$n 2>/dev/null; do n=$((n+1)); done
            echo "ended at $n"; sync f$n 2>&1 | grep -c rror; sync f$n 2>&1 | grep -c rror; touch new 2>&1 | grep -c Read-only; head -c 30000 /bin/busybox | cmp - f0 && echo same
            cd /; umount /mnt && echo unmounted; dmesg | grep -c 'vfat: sda: .*written'""", timeout=300, PORTOLAN_VARIANT="debug")
        assert disk.hits() >= 1
    lines = done.stdout.splitlines()
    ended = int(lines[0].split()[-1])
    assert 0 < ended < 40 and lines[1:6] == ["1", "1", "1", "same", "unmounted"] and int(lines[6]) >= 1, done.stdout + done.stderr
    found = subprocess.run(["fsck.fat", "-n", image], env=ENVIRONMENT, capture_output=True, text=True)
    assert not re.search("shared|contains a free|Bad|size is", found.stdout), found.stdout


WORK = 40


def script(volume_bytes):
    """Commands that change files, and after some of them promise what is there: a mark for crashcheck, behind the volume."""
    lines, promised = ["mount -t vfat /dev/sda /mnt || exit 1; cd /mnt; mkdir d; sync"], {}

    def mark():
        text = "".join(f"{len(data)} {zlib.crc32(data):08x} {name}\\n" for name, data in sorted(promised.items()))
        lines.append(f"printf 'CRASHTEST-MARK\\000\\000{text}' | dd of=/dev/sda bs=512 seek={volume_bytes // 512} conv=sync 2>/dev/null")

    def data(n):
        return (f"{n:07d}\n" * (n * 173 % 900 + 1)).encode()

    def write(name, n):
        count = len(data(n)) // 8
        return f"yes {n:07d} | head -n {count} > '{name}'"

    for n in range(WORK):
        name = ["a.txt", "A longer name of a file.text", "d/in a directory", "d/b"][n % 4]
        promised.clear()
        mark()
        kind = n // 4 % 5
        if kind < 2:
            lines.append(write(name, n))
        elif kind == 2:
            lines.append(write("temporary", n) + f"; mv temporary '{name}'")
        elif kind == 3:
            lines.append(f"mv '{name}' other; " + write(name, n) + "; rm other")
        else:
            lines.append(f"rm -f '{name}'; " + write(name, n))
        lines.append("sync")
        promised[name] = data(n)
        mark()
    lines.append("cd /; umount /mnt; echo end")
    return "\n".join(lines)


AHCI, LSI = "ide-hd,bus=ide.0,drive=bad", "lsi53c895a,id=hba -device scsi-hd,bus=hba.0,drive=bad"


@pytest.mark.parametrize("options, device", [("-F 12 -s 2", AHCI), ("-F 16 -s 1", AHCI), ("-F 32 -s 1", AHCI), ("-F 16 -s 1", LSI)],
                         ids=["fat12", "fat16", "fat32", "fat16-lsi"])
def test_the_power_is_cut_at_every_write(tmp_path, options, device):
    """Each prefix of the writes, torn ones, and any that the disk had not flushed: fatcheck finds no damage, and nothing promised is lost."""
    kib = {"-F 12 -s 2": 1500, "-F 16 -s 1": 3000, "-F 32 -s 1": 34000}[options]
    base = tmp_path / "base.img"
    with open(base, "wb") as f:
        f.truncate(kib * 1024 + (64 << 10))
    tool("mkfs.fat", *options.split(), base, str(kib))
    library = tmp_path / "fatcheck.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "tests/faults/fatcheck.c"], check=True)
    shutil.copy(base, tmp_path / "disk.img")
    with BadDisk(tmp_path, log=tmp_path / "log", image=tmp_path / "disk.img") as disk:
        done = portolan("exec", "--timeout", 300, "--smp", 2, "--qemu",
                        f"-blockdev driver=nbd,node-name=bad,server.type=unix,server.path={disk.folder / 'nbd'} -device {device}",
                        "--", script(kib * 1024), timeout=400, PORTOLAN_VARIANT="debug")
    assert done.stdout.endswith("end\n"), done.stdout + done.stderr
    checked = subprocess.run([sys.executable, ROOT / "tests/faults/crashcheck.py", tmp_path / "log", base, "--lib", library, "--torn",
                              "--reorder", "4", "--jobs", "2"], capture_output=True, text=True, timeout=900)
    assert checked.returncode == 0, checked.stdout[-3000:] + checked.stderr[-2000:]
    assert "LOST" not in checked.stdout or " 0 LOST" in checked.stdout or "LOST 0" in checked.stdout, checked.stdout[-1000:]


CUTS = int(os.environ.get("PORTOLAN_CUTS", "3"))


def test_the_power_is_cut_for_real(tmp_path):
    """Again and again on one volume, at any time, with what the disk had not flushed lost: what was synced is there, and no damage.
    PORTOLAN_CUTS=200 in the environment does more of it."""
    image = empty(tmp_path / "disk.img", 40, "-F 32 -s 1")
    random_ = random.Random(11)
    kept = {}
    for cut in range(CUTS):
        with BadDisk(tmp_path, image=image, volatile=True) as disk:
            machine = Machine("--smp", "2", "--qemu",
                              f"-blockdev driver=nbd,node-name=bad,server.type=unix,server.path={disk.folder / 'nbd'} -device ide-hd,bus=ide.0,drive=bad",
                              PORTOLAN_VARIANT="debug")
            with machine as m:
                m.wait_for(r"portolan:.*[#$] ", timeout=240)
                m.send(f"cd /mnt/sda; n=0; while :; do head -c $((n * 7919 % 60000 + 1)) /bin/busybox > f$((n % 50)) && sync && echo kept {cut} $((n % 50)) "
                       "$((n * 7919 % 60000 + 1)); [ $((n % 7)) = 0 ] && mv f$((n % 50)) g$((n % 50)); n=$((n+1)); done\n")
                m.wait_for(rf"kept {cut} {random_.randrange(5, 40)} ", timeout=240)
                disk.tell("power-cut")
                said = m.output
        (tmp_path / "nbd").unlink(missing_ok=True)
        (tmp_path / "control").unlink(missing_ok=True)
        last = [(int(n), int(size)) for n, size in re.findall(rf"^kept {cut} (\d+) (\d+)", said, re.M)]
        kept = {n: size for n, size in last if n % 7}  # the others are on their way to another name
        found = subprocess.run(["fsck.fat", "-n", image], env=ENVIRONMENT, capture_output=True, text=True)
        assert not re.search("shared|contains a free|Bad|File size is .* cluster chain length is [0-9]+ bytes", found.stdout), (cut, found.stdout)
        sizes = {int(line.split()[0][1:]): int(line.split()[1].replace(",", "")) for line in
                 subprocess.run(["mdir", "-i", image, "::"], env=ENVIRONMENT, capture_output=True, text=True).stdout.splitlines()
                 if re.match(r"f\d+ +\d", line, re.I)}
        last_one = last[-1][0]
        for n, size in kept.items():
            if n not in (last_one, (last_one + 1) % 50):
                assert sizes.get(n) == size, (cut, n, size, sizes.get(n))
    assert CUTS
