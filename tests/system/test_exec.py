"""`portolan exec`: the command's own output, byte by byte, and its status, whatever else goes on."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from launcher import portolan

# Every byte, with line ends that terminals like to change.
BINARY = "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i + 1)); done; printf '\\r\\n\\n\\r'"
BINARY_BYTES = bytes(range(256)) + b"\r\n\n\r"


def run(*args, **env):
    """As portolan(), but with bytes."""
    return portolan("exec", *args, binary=True, **env)


@pytest.mark.parametrize("way", [
    ["--boot", "kernel"], ["--boot", "iso"], ["--firmware", "uefi"], ["--machine", "pc", "--smp", "1"], ["--smp", "4"]],
    ids=" ".join)
def test_output_error_and_status(way):
    done = run(*way, "--", "echo out; echo error >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"error\n", 7)


def test_bytes_are_not_changed():
    done = run("--", BINARY + "; { " + BINARY + "; } >&2")
    assert (done.stdout, done.stderr, done.returncode) == (BINARY_BYTES, BINARY_BYTES, 0)


def test_a_megabyte():
    done = run("--", "dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\\0' x")
    assert done.returncode == 0 and done.stdout == b"x" * (1 << 20)


def test_the_log_does_not_get_in_between():
    done = run("--append", "log=serial,debugcon", "--", "for i in 1 2 3 4 5 6 7 8; do echo $i; echo noise >/dev/kmsg; done")
    assert (done.stdout, done.stderr, done.returncode) == (b"1\n2\n3\n4\n5\n6\n7\n8\n", b"", 0)


def test_the_log_is_where_it_is_wanted(tmp_path):
    log = tmp_path / "log"
    done = run("--log", log, "--", "echo noise >/dev/kmsg")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    assert "noise" in log.read_text()


@pytest.mark.parametrize("command,status", [
    ("true", 0), ("false", 1), ("exit 255", 255), ("nosuchcommand", 127), ("/etc/passwd", 126), ("kill -9 $$", 137),
    ("if", 2)])
def test_status(command, status):
    assert run("--", command).returncode == status


def test_words_are_joined_as_ssh_does():
    assert run("--", "echo", "a  b", "'c  d'").stdout == b"a b c  d\n"


def test_the_environment_of_a_command():
    done = run("--", "[ $PWD = $HOME ] && [ $HOME = ~ ] && echo $USER $SHELL; tty; ulimit -n")
    assert done.stdout == b"root /bin/sh\nnot a tty\n1024\n"


def test_standard_input_is_empty():
    assert run("--", "cat; echo $?").stdout == b"0\n"


def test_what_the_command_leaves_behind_does_not_hold_it_up():
    done = run("--", "sleep 1000 & echo done")
    assert (done.stdout, done.returncode) == (b"done\n", 0)


def test_timeout():
    done = run("--timeout", 8, "--", "echo begun; sleep 1000")
    assert (done.stdout, done.returncode) == (b"begun\n", 124)


def test_a_panic_is_told():
    done = run("--append", "selftest=plant", "--", "/tests/sysfuzz 100000 1 2")
    assert done.returncode == 125
    assert b"kernel panic" in done.stderr and b"trusting+" in done.stderr


def test_poweroff_by_the_command_is_its_end():
    done = run("--", "echo bye; poweroff -f")
    assert (done.stdout, done.returncode) == (b"bye\n", 0)


def test_drivers_are_in_their_folder(tmp_path):
    (tmp_path / "a.sys").write_bytes(BINARY_BYTES)
    (tmp_path / "b.inf").write_text("[Version]\n")
    done = run("--driver", tmp_path / "a.sys", "--driver", tmp_path / "b.inf", "--", "cd /drivers; ls a.sys b.inf; cat a.sys")
    assert done.stdout == b"a.sys\nb.inf\n" + BINARY_BYTES


def test_several_at_once():
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: run("--", f"echo {n}; exit {n}"), range(4)))
    assert [(r.stdout, r.returncode) for r in results] == [(b"%d\n" % n, n) for n in range(4)]


def test_no_quote_is_lost():
    text = "a'b\"c$d`e\\f*g?h|i;j&k<l>m(n)o#p!q~r{s}t[u]v\tw"
    quoted = "'" + text.replace("'", "'\\''") + "'"
    assert portolan("exec", "--", f"printf %s {quoted}").stdout == text
