"""Programs in ring 3: those of tests/programs, which run on Linux as well, Debian's, and our commands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from launcher import BUILD, ROOT, portolan

PROGRAMS = sorted(path.stem for path in (ROOT / "tests/programs").glob("*.c") if path.stem != "cdrom")  # it needs a drive

# Once to fill caches, then again: no page and none of a process's objects may be missing. There may be fewer: a thread of
# the kernel's that looked for disks has ended meanwhile. automount, which allocates each second, is not there: musl's
# malloc keeps what was mapped and unmapped a hundred times or so, as one more mapping.
LEAK_CHECK = """
killall -q automount
objects() {{ awk '$1 ~ /^(pid|task|fdtb|spce|siga|sigf|vm|fsct|path|file|thrd|exec)$/ {{ print $1, $2 }}' /proc/pools; }}
leaked() {{ awk 'NR == FNR {{ had[$1] = $2; next }} $2 > had[$1] {{ print $1, had[$1], $2 }}' /tmp/before /tmp/after; }}
{run} >/tmp/first || exit 1
objects >/tmp/before; objects >/tmp/before; objects >/tmp/after; grep MemFree /proc/meminfo
{run}; result=$?
for i in 1 2 3 4 5 6 7 8 9 10; do
    objects >/tmp/after
    leaked >/tmp/leaked
    [ -s /tmp/leaked ] || break
    sleep 1
done
grep MemFree /proc/meminfo
cat /tmp/leaked
[ ! -s /tmp/leaked ] || for p in /proc/[0-9]*; do echo "$p $(cat $p/comm) $(wc -l < $p/maps) mappings"; done
[ ! -s /tmp/leaked ] && exit $result
"""
SLACK = 512  # KiB: caches of each processor, files in /tmp


def on_portolan(command, smp=2, timeout=300, **env):
    return portolan("exec", "--smp", smp, "--timeout", timeout, "--", command, timeout=timeout + 120,
                    PORTOLAN_VARIANT="debug", **env)


def without_leak(command, smp, timeout=300):
    done = on_portolan(LEAK_CHECK.format(run=command), smp, timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    before, said, after = re.fullmatch(r"MemFree: +(\d+) kB\n(.*)MemFree: +(\d+) kB\n", done.stdout, re.S).groups()
    assert int(before) - int(after) < SLACK, f"{int(before) - int(after)} KiB are missing"
    return said


@pytest.mark.parametrize("smp", [1, 2, 4])
@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program, smp):
    done = on_portolan(f"/tests/{program}", smp)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p != "sysfuzz"])  # which waits for calls that wait for ever
def test_program_on_the_host(program):
    """What they check is Linux's behaviour, so they pass there."""
    done = subprocess.run([BUILD / "programs" / program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p not in ("sysfuzz", "forks")])
def test_nothing_is_left_behind(program):
    assert without_leak(f"/tests/{program}", 2).endswith("ok\n")


def test_ten_thousand_forks_leave_nothing():
    assert without_leak("/tests/forks 10000 4", 4).endswith("ok\n")


def test_a_million_random_system_calls():
    said = without_leak("/tests/sysfuzz 1000000 1 4", 2, timeout=900)
    calls, died, children = map(int, re.match(r"(\d+) calls, (\d+) of (\d+) children died", said).groups())
    assert calls >= 1000000 and died < children


def test_the_fuzzer_finds_a_planted_fault():
    done = portolan("exec", "--append", "selftest=plant", "--", "/tests/sysfuzz 100000 2 2")
    assert done.returncode == 125 and "trusting+" in done.stderr, done.stderr


def test_memory_that_runs_out_ends_the_guilty():
    done = on_portolan("(tail /dev/zero); echo $?; echo alive; dmesg | grep -c 'memory: none left for tail.*: killed'")
    assert done.stdout.splitlines() == ["137", "alive", "1"], done.stdout + done.stderr


def test_a_fork_bomb_is_limited():
    done = on_portolan("(ulimit -u 50; i=0; while [ $i -lt 300 ]; do sleep 100 & i=$((i+1)); done); echo $?; "
                       "ps | grep -c '[s]leep 100'; killall sleep; echo alive")
    status, running, alive = done.stdout.splitlines()
    assert (status, alive) == ("2", "alive") and 40 < int(running) <= 50, done.stdout + done.stderr
    assert "can't fork: Resource temporarily unavailable" in done.stderr


# -- Debian's programs, with the libraries that they name


def libraries(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+\.so\S*) \(", text)


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """Options of the launcher that put /bin/ls and its like, with glibc, on the root."""
    if not Path("/lib64/ld-linux-x86-64.so.2").exists():
        pytest.skip("this host has no glibc for x86-64")
    root = tmp_path_factory.mktemp("debian")
    for name in ("ls", "sort", "sha256sum", "bash"):
        program = shutil.which(name, path="/bin:/usr/bin")
        for file in [program, *libraries(program)]:
            to = root / ("deb/" + name if file == program else file[1:])
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, to)
    return root


def with_root(root, command, tmp_path):
    """What comes into the image are drivers, so the tree travels as an archive that is named like one."""
    archive = tmp_path / "debian.sys"
    subprocess.run(["tar", "-cf", archive, "-C", root, "."], check=True)
    return portolan("exec", "--driver", archive, "--timeout", 300, "--", f"tar -xf /drivers/debian.sys -C / && {command}")


def test_debians_programs_with_their_libraries(debian, tmp_path):
    done = with_root(debian, "/deb/ls -l /etc/passwd | cut -c1-10; printf 'b\\na\\nc\\n' | /deb/sort -r; "
                             "printf abc | /deb/sha256sum; /deb/bash -c 'x=(1 2 3); echo ${#x[@]} $BASH_VERSINFO'; /deb/ls /nowhere; echo $?",
                     tmp_path)
    version = subprocess.run(["/bin/bash", "-c", "echo $BASH_VERSINFO"], capture_output=True, text=True, check=True).stdout.strip()
    assert done.stdout.splitlines() == [
        "-rw-r--r--", "c", "b", "a", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -", f"3 {version}", "2"], \
        done.stdout + done.stderr
    assert done.stderr == "/deb/ls: cannot access '/nowhere': No such file or directory\n"


# -- our commands

OURS = sorted(path.stem for path in (ROOT / "userland").glob("*.c") if path.stem != "exec-init")


def test_each_of_ours_explains_itself_and_refuses_wrong_usage():
    done = on_portolan("".join(f"{c} --help; echo; {c} --sail; echo $?; " for c in OURS))
    for name in OURS:
        assert re.search(rf"^{name}: .+\n\nUsage: {name}", done.stdout, re.M), name
        assert f"{name}: unknown option '--sail'\nTry '{name} --help'.\n" in done.stderr
    assert done.stdout.count("\n2\n") == len(OURS)


def test_the_list_of_commands_is_true():
    """Each name in it exists, and what it says of ours is what they say themselves."""
    lines = [line.split(None, 1) for line in (ROOT / "iso/commands").read_text().splitlines() if line and line[0] != "#"]
    done = on_portolan("".join(f"type {name} >/dev/null || echo missing {name}; " for name, _ in lines)
                       + "".join(f"{c} --help | head -1; " for c in OURS))
    assert done.stdout.splitlines() == [f"{name}: {text}" for name, text in lines for c in OURS if c == name] or \
        set(done.stdout.splitlines()) == {f"{name}: {text}" for name, text in lines if name in OURS}


def test_lspci_and_its_choices():
    done = on_portolan("lspci; echo --; lspci -n; echo --; lspci -D -s 1f.2; echo --; lspci -d 8086:2918; echo --; lspci -x -s 0")
    names, numbers, slot, device, space = done.stdout.split("--\n")
    assert len(names.splitlines()) == len(numbers.splitlines()) > 3
    assert re.fullmatch(r"0000:00:1f\.2 SATA controller: Intel.*\n", slot)
    assert re.fullmatch(r"00:1f\.0 ISA bridge: Intel.*\n", device)
    assert re.search(r"^00: 86 80 c0 29", space, re.M)


def test_tables_are_aligned():
    done = on_portolan("mem; mem -p; mem -f; threads; irq; irq -a")
    assert done.returncode == 0 and done.stderr == ""
    head, line = done.stdout.splitlines()[:2]
    assert re.fullmatch(r" *TOTAL +USED +POOLS +FREE", head) and len(head) == len(line)
    assert re.search(r"^all |^vm +\d", done.stdout, re.M) and "keyboard" in done.stdout and "exec-init" in done.stdout


def test_help_is_ours_and_finds_commands():
    done = on_portolan("help; help jobs; help ls; help nosuch; echo $?; help --all | grep -cx 'lspci\\|busybox'")
    assert done.stdout.startswith("This system\n  help ")
    assert "a word of the shell" in done.stdout and "Usage: ls " in done.stdout
    assert done.stdout.endswith("\n1\n2\n")
    assert done.stderr == "help: there is no command 'nosuch'; 'help' lists what there is\n"


def test_the_whole_tree_has_an_end():
    done = on_portolan("find / >/tmp/all; echo status $?; grep -c '^/proc/1/task/1/' /tmp/all; grep '/task/1/task' /tmp/all; "
                       "diff /proc/1/cmdline /proc/1/task/1/cmdline && echo same")
    status, parts, same = done.stdout.splitlines()
    assert status == "status 0" and int(parts) >= 12 and same == "same", done.stdout + done.stderr


def test_dmesg_shows_the_log():
    done = on_portolan("echo hello from a program >/dev/kmsg; dmesg | tail -1; dmesg -c >/dev/null; dmesg | wc -l")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"\[ *\d+\.\d{6}\] hello from a program", lines[0]) and lines[1] == "0"


def test_the_image_lists_its_packages():
    done = on_portolan("cat /usr/share/packages/list")
    assert re.search(r"^Package +Version +Licence\nportolan +\S+ +MIT\nbusybox +\d\S* +GPL-2\n", done.stdout)
