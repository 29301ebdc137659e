"""ISO 9660 as xorriso makes it: names of Rock Ridge, of Joliet, and plain ones; links, deep directories; the boot CD at /cdrom."""

import hashlib
import os
import random
import subprocess

import pytest

from launcher import portolan


def run(command, *options, timeout=120):
    return portolan("exec", "--timeout", timeout, *options, "--", command, timeout=timeout + 60, PORTOLAN_VARIANT="debug")


def tree(folder):
    random_ = random.Random(3)
    for n in range(60):
        below = folder / random_.choice(["", "a", "a/b", "a longer name of a folder", "a/b/c d.e"])
        below.mkdir(parents=True, exist_ok=True)
        (below / f"file {n} of many.data").write_bytes(random_.randbytes(random_.choice([0, 1, 2047, 2048, 2049, 40_000])))
    deep = folder
    for n in range(12):
        deep = deep / f"level{n}"
    deep.mkdir(parents=True)
    (deep / "bottom").write_bytes(b"at the bottom\n")
    os.symlink("../a/b", folder / "a/link")
    os.symlink("/bin/busybox", folder / "absolute")
    os.symlink("level0/level1/" + "x" * 240 + "/" + "y" * 200, folder / "long link")
    os.chmod(deep / "bottom", 0o640)
    return {"./" + str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def make(path, folder, *options):
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", *options, "-V", "A CD", "-o", path, folder], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("kind", ["rock", "joliet", "plain"])
def test_a_cd_is_read(tmp_path, kind):
    (tmp_path / "tree").mkdir()
    sums = tree(tmp_path / "tree")
    image = make(tmp_path / "cd.iso", tmp_path / "tree", *{"rock": ["-R", "-J"], "joliet": ["-J", "-joliet-long"], "plain": ["-iso-level", "3"]}[kind])
    done = run("cd /cdrom && find . -type f -exec sha256sum {} + ; cd /; mount | grep cdrom; umount /cdrom && echo done", "--cd", image)
    lines = done.stdout.splitlines()
    found = {line[66:]: line[:64] for line in lines if line[64:66] == "  "}
    assert lines[-2:] == ["/dev/sr0 on /cdrom type iso9660 (ro,auto)", "done"], done.stdout[-400:] + done.stderr
    if kind == "plain":
        assert sorted(found.values()) == sorted(sums.values())
        assert all(name == name.lower() and ";" not in name for name in found)
    elif kind == "joliet":
        assert found == {name: sum_ for name, sum_ in sums.items() if len(os.path.basename(name)) <= 103}
    else:
        assert found == sums


def test_rock_ridge_has_links_modes_and_deep_directories(tmp_path):
    (tmp_path / "tree").mkdir()
    tree(tmp_path / "tree")
    image = make(tmp_path / "cd.iso", tmp_path / "tree", "-R")
    done = run("cd /cdrom; readlink a/link; readlink absolute; readlink 'long link' | tr -d '\\n' | wc -c; "
               "stat -c '%a %s' level0/level1/level2/level3/level4/level5/level6/level7/level8/level9/level10/level11/bottom; "
               "ls | head -3; touch x 2>&1 | grep -c Read-only; cat nothing 2>&1 | grep -c 'No such'; ls rr_moved 2>/dev/null | wc -l", "--cd", image)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["../a/b", "/bin/busybox"], done.stdout + done.stderr
    assert lines[2] == str(len("level0/level1/") + 240 + 1 + 200), done.stdout
    assert lines[3] == "640 14", done.stdout + done.stderr
    assert lines[-3:] == ["1", "1", "0"], done.stdout


def test_a_damaged_cd_costs_what_is_damaged(tmp_path):
    """Records that are none, an extent that is not on the medium, a directory that contains itself."""
    (tmp_path / "tree").mkdir()
    sums = tree(tmp_path / "tree")
    image = make(tmp_path / "cd.iso", tmp_path / "tree", "-R")
    clean = image.read_bytes()
    random_ = random.Random(5)
    root = int.from_bytes(clean[16 * 2048 + 158:16 * 2048 + 162], "little") * 2048
    for n in range(4):
        bytes_ = bytearray(clean)
        for _ in range(30):
            bytes_[root + random_.randrange(4096)] = random_.randrange(256)
        image.write_bytes(bytes_)
        done = run("find /cdrom -type f 2>/dev/null | head -2000 | xargs -r -n 50 -d '\\n' cat > /dev/null 2>&1; echo alive", "--cd", image)
        assert done.stdout.endswith("alive\n"), done.stdout[-300:] + done.stderr
    image.write_bytes(clean[:17 * 2048])
    done = run("ls /cdrom 2>&1 | head -3; mount -t iso9660 /dev/sr0 /mnt; dmesg | grep -c 'iso9660:.*cannot be mounted'", "--cd", image)
    assert int(done.stdout.split()[-1]) >= 1, done.stdout + done.stderr
    assert sums


def test_the_boot_cd_is_at_cdrom(tmp_path):
    done = run("ls /cdrom/boot; cat /cdrom/boot/* 2>/dev/null | wc -c | grep -q ..... && echo readable", "--boot", "iso")
    assert "portolan" in done.stdout.split() and done.stdout.endswith("readable\n"), done.stdout + done.stderr
