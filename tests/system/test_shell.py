"""busybox here and busybox on the host: the same applets and scripts (tests/system/shell) print the same and end alike."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from launcher import portolan

FOLDER = Path(__file__).parent / "shell"

# A case runs in its own folder, as a script beside it; then all of them are reported, each with sizes of what follows.
HEAD = """
mkdir -p $CASES && cd $CASES || exit 1
case_run() {
    mkdir $1 && cat >$1.sh && cd $1
    timeout 60 sh ../$1.sh >../$1.out 2>../$1.err </dev/null
    echo $? >../$1.status
    cd ..
}
"""
TAIL = """
for script in *.sh; do
    name=${script%.sh}
    echo "@@ $name $(cat $name.status) $(wc -c <$name.out) $(wc -c <$name.err)"
    cat $name.out $name.err
done
"""
END = "END_OF_THE_CASE"


def cases(file):
    text = (FOLDER / file).read_text()
    return dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, re.M | re.S))


def program(file):
    return HEAD + "".join(f"case_run {name} <<'{END}'\n{body}{END}\n" for name, body in cases(file).items()) + TAIL


def results(report):
    """name: (status, standard output, standard error)"""
    found, at = {}, 0
    while match := re.compile(rb"@@ (\w+) (\d+) (\d+) (\d+)\n").match(report, at):
        out, err = match.end(), match.end() + int(match[3])
        at = err + int(match[4])
        found[match[1].decode()] = (int(match[2]), report[out:err], report[err:at])
    assert at == len(report), report[at:at + 500]
    return found


def on_the_host(file, folder):
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    (folder / "bin").mkdir()
    subprocess.run([busybox, "--install", "-s", folder / "bin"], check=True)
    env = {"PATH": str(folder / "bin"), "HOME": "/", "USER": "root", "SHELL": "/bin/sh", "CASES": str(folder / "cases"), "LANG": "C.UTF-8"}
    done = subprocess.run([busybox, "sh", "-c", "umask 022\n" + program(file)], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=600, cwd="/", start_new_session=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # ignored in the background of a script
    assert done.returncode == 0, done.stderr
    return results(done.stdout)


def here(file):
    done = portolan("exec", "--timeout", 600, "--", "export CASES=/tmp/cases HOME=/\numask 022\n" + program(file),
                    timeout=700, binary=True)
    assert done.returncode == 0, done.stderr
    return results(done.stdout)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    known = {}

    def run(file):
        """Once: where a side fails as a whole, all cases fail with its reason."""
        if file not in known:
            known[file] = ({}, {"": "it failed before"})
            known[file] = on_the_host(file, tmp_path_factory.mktemp("host")), here(file)
        return known[file]

    return run


def compare(both, file, name):
    host, ours = (side.get(name) for side in both(file))
    assert host is not None, "the run of all cases failed: see the first failure"
    assert ours == host


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the host's side needs to be root, as the other is")


@needs_root
@pytest.mark.xdist_group("shell applets")
@pytest.mark.parametrize("name", cases("applets.sh"))
def test_applet(both, name):
    compare(both, "applets.sh", name)


@needs_root
@pytest.mark.xdist_group("shell scripts")
@pytest.mark.parametrize("name", cases("scripts.sh"))
def test_script(both, name):
    compare(both, "scripts.sh", name)
