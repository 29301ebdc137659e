"""The promise of the launcher: commands, options, statuses."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from launcher import BUILD, LAUNCHER, ROOT, Machine, dry_run, environment, portolan, values

QCOW2 = b"QFI\xfb" + bytes(508)


def refused(*args, **env):
    """Wrong usage: status 2, nothing on standard output, the reason as text."""
    done = portolan(*args, **env)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert done.stderr.startswith("portolan: ")
    return done.stderr


def cpio_names(path):
    """Of all archives in the file: what --driver and exec add is one behind the system's own."""
    names, at = set(), 0
    with open(path, "rb", buffering=0) as f:
        while at < path.stat().st_size:
            listing = subprocess.run(["cpio", "-it", "--quiet"], stdin=f, capture_output=True, text=True, check=True)
            names |= set(listing.stdout.splitlines())
            assert f.tell() > at, "cpio read nothing"
            at = f.tell()
    return names


# -- the command as it would be started


def test_run_has_the_promised_defaults():
    words = dry_run("run")
    assert words[0] == "qemu-system-x86_64"
    assert values(words, "-machine") == ["q35"]
    assert values(words, "-smp") == ["2"]
    assert values(words, "-m") == ["256M"]
    assert values(words, "-cpu") == ["max"]
    assert values(words, "-serial") == ["mon:stdio"]
    assert values(words, "-display") == ["none"]
    assert "-kernel" not in words
    assert "-no-reboot" not in words
    assert any(str(BUILD / "release/portolan.iso") in drive for drive in values(words, "-drive"))


def test_exec_has_the_promised_defaults():
    words = dry_run("exec", "--append", "test")
    assert values(words, "-kernel") == [str(BUILD / "debug/portolan.elf")]
    assert values(words, "-initrd") == [str(BUILD / "debug/system.img")]
    assert values(words, "-append") == ["log=debugcon panic=exit test"]
    assert "-no-reboot" in words
    assert "isa-debug-exit,iobase=0xf4,iosize=0x04" in words


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("joined", [False, True], ids=["two-words", "one-word"])
def test_simple_options(machine, joined):
    options = {"--machine": machine, "--smp": "3", "--mem": "1G", "--boot": "kernel", "--append": "a=b c"}
    words = [f"{k}={v}" for k, v in options.items()] if joined else [w for kv in options.items() for w in kv]
    words = dry_run("run", *words)
    assert values(words, "-machine") == [machine]
    assert values(words, "-smp") == ["3"]
    assert values(words, "-m") == ["1G"]
    assert values(words, "-append") == ["a=b c"]


def test_uefi_has_firmware_from_the_package_and_a_writable_copy_of_its_variables():
    drives = values(dry_run("run", "--firmware", "uefi"), "-drive")
    flash = [drive for drive in drives if "if=pflash" in drive]
    assert "unit=0" in flash[0] and "readonly=on" in flash[0] and "CODE" in flash[0]
    assert "unit=1" in flash[1] and "readonly" not in flash[1] and "/portolan." in flash[1]


def test_uefi_boots_the_iso():
    assert "-kernel" not in dry_run("exec", "--firmware", "uefi", "--append", "test")


@pytest.mark.parametrize("content,form", [(QCOW2, "qcow2"), (bytes(2048), "raw"), (b"", "raw")])
def test_cd_and_image_format(tmp_path, content, form):
    image = tmp_path / "a, b.img"
    image.write_bytes(content)
    drive = values(dry_run("run", "--boot", "kernel", "--cd", image), "-drive")[0]
    assert f"format={form}," in drive
    assert "readonly=on" in drive
    assert drive.endswith("file=" + str(image).replace(",", ",,"))


def test_paths_are_the_callers(tmp_path):
    (tmp_path / "cd.iso").write_bytes(bytes(2048))
    done = portolan("run", "--dry-run", "--cd", "cd.iso", "--log", "log.txt", cwd=tmp_path)
    assert f"{tmp_path}/cd.iso" in done.stdout
    assert f"{tmp_path}/log.txt" in done.stdout


def test_qemu_arguments_pass_as_they_are():
    words = dry_run("run", "--qemu", "-device 'virtio-rng-pci,id=a b' -cpu qemu64", "--qemu=-S $HOME")
    assert words[-6:] == ["-device", "virtio-rng-pci,id=a b", "-cpu", "qemu64", "-S", "$HOME"]
    assert values(words, "-cpu") == ["qemu64"]


def test_gui_has_a_window():
    assert "-display" not in dry_run("run", "--gui")


def test_log_of_run_goes_to_the_file_too():
    words = dry_run("run", "--boot", "kernel", "--log", "/tmp/log")
    assert values(words, "-append") == ["log=serial,screen,debugcon"]
    assert "file,id=log,path=/tmp/log" in values(words, "-chardev")


def test_debug_waits_for_gdb():
    words = dry_run("debug")
    assert "-S" in words
    assert values(words, "-gdb") == ["chardev:gdb"]
    assert values(words, "-serial") == ["pty"]


@pytest.mark.parametrize("append,variant", [
    ("test", "debug"), ("x test=a* y", "debug"), ("selftest=panic", "debug"), ("after=poweroff", "release"),
    ("latest", "release")])
def test_tests_are_in_the_debug_kernel(append, variant):
    assert values(dry_run("run", "--boot", "kernel", "--append", append), "-kernel") == \
        [str(BUILD / variant / "portolan.elf")]


def test_the_variant_may_be_chosen():
    words = dry_run("run", "--boot", "kernel", PORTOLAN_VARIANT="debug")
    assert values(words, "-kernel") == [str(BUILD / "debug/portolan.elf")]
    assert "PORTOLAN_VARIANT" in refused("run", "--dry-run", PORTOLAN_VARIANT="fast")


def test_a_dry_run_leaves_nothing(tmp_path):
    dry_run("exec", "--append", "test", "--firmware", "uefi", TMPDIR=tmp_path)
    assert not list(tmp_path.iterdir())


# -- wrong usage


@pytest.mark.parametrize("args,text", [
    ([], "usage: ./portolan COMMAND"),
    (["sail"], "unknown command 'sail'"),
    (["run", "--sail"], "unexpected '--sail'"),
    (["run", "now"], "unexpected 'now'"),
    (["run", "--", "ls"], "run takes no command"),
    (["debug", "--", "ls"], "debug takes no command"),
    (["build", "now"], "unexpected 'now'"),
    (["help", "sail"], "unknown command 'sail'"),
    (["run", "--mem"], "--mem needs a value"),
    (["run", "--mem", "much"], "--mem"),
    (["run", "--smp", "0"], "'0' is not a whole number above 0"),
    (["run", "--smp=two"], "--smp"),
    (["run", "--timeout", "1.5"], "--timeout"),
    (["run", "--machine", "mac"], "'mac' is none of: pc q35"),
    (["run", "--firmware", "coreboot"], "is none of: bios uefi"),
    (["run", "--boot", "net"], "is none of: kernel iso"),
    (["run", "--boot", "kernel", "--firmware", "uefi"], "--boot kernel goes with --firmware bios only"),
    (["run", "--cd", "/nowhere/cd.iso"], "--cd: there is no file '/nowhere/cd.iso'"),
    (["run", "--driver", "/nowhere/a.sys"], "there is no file"),
    (["run", "--driver", str(ROOT / "portolan")], "neither a .sys nor an .inf"),
    (["run", "--log", "/nowhere/log"], "there is no folder '/nowhere'"),
    (["run", "--append", "a='b'"], "no quotes"),
    (["run", "--dry-run", "--qemu", "-device 'a"], "unmatched quote"),
    (["run", "--disk", "ahci"], "'ahci' is not CONTROLLER:IMAGE[,ro]"),
    (["run", "--disk", f"floppy:{ROOT}/portolan"], "unknown controller 'floppy'; known: "),
    (["debug", "--timeout", "9"], "debug knows no --timeout"),
    (["exec"], "no COMMAND"),
    (["exec", "--gui", "--append", "test"], "headless"),
    (["test", "a b"], "'a b' cannot be part of a test's name"),
    (["test", "--fast"], "unknown option '--fast'"),
])
def test_wrong_usage_is_refused(args, text):
    done = portolan(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert text in done.stderr


def test_two_drivers_of_one_name_are_refused(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.sys").write_bytes(b"x")
    reason = refused("run", "--driver", tmp_path / "a/x.sys", "--driver", tmp_path / "b/x.sys")
    assert "two files named 'x.sys'" in reason


@pytest.mark.parametrize("verb", ["run", "exec", "test", "debug", "build", "iso", "clean", "help"])
def test_every_command_explains_itself(verb):
    short = portolan("help", verb)
    assert short.returncode == 0 and "portolan " in short.stdout
    if verb != "help":
        assert portolan(verb, "--help").stdout == short.stdout


def test_version_and_help():
    assert re.match(r"portolan \S+\n$", portolan("--version").stdout)
    assert portolan("--help").stdout == portolan("help").stdout
    assert "--driver FILE" in portolan("help").stdout


def bare_host(folder):
    """A PATH with what every POSIX system has, and nothing else."""
    folder.mkdir()
    for tool in ["sh", "dirname", "uname", "awk", "sort", "tr", "sed", "grep", "cat", "id", "env", "ln"]:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def script(path, text):
    path.unlink(missing_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_missing_tools_are_named_where_there_is_no_apt(tmp_path):
    done = portolan("build", shell="/bin/sh", PATH=bare_host(tmp_path / "bin"))
    assert done.returncode == 1
    assert "missing: make git cc cpio" in done.stderr
    for line in ["apt-get install", "dnf install", "pacman -S", "zypper install", "brew install"]:
        assert re.search(line + ".* make", done.stderr), done.stderr


@pytest.mark.parametrize("user,prefix", [(0, ""), (1000, "sudo ")], ids=["root", "sudo"])
def test_missing_packages_are_installed_with_apt(tmp_path, user, prefix):
    """A stand-in for apt-get notes what it is asked for, and puts commands of these names there."""
    path, log = bare_host(tmp_path / "bin"), tmp_path / "apt.log"
    script(path / "id", f"echo {user}")
    script(path / "sudo", 'SUDO="sudo " exec "$@"')
    script(path / "apt-get", f"""echo "${{SUDO:-}}apt-get $*" >>{log}
        [ $1 = update ] || for name in cpio gcc git make musl-gcc x86_64-w64-mingw32-gcc; do ln -s /bin/true {path}/$name; done""")
    done = portolan("build", shell="/bin/sh", PATH=path, PORTOLAN_NO_BUILD=1)
    assert done.returncode == 0, done.stderr
    assert "installing the packages this needs: cpio gcc gcc-mingw-w64-x86-64 git make musl-tools" in done.stderr
    assert log.read_text().splitlines() == [
        f"{prefix}apt-get update -q",
        f"{prefix}apt-get install -qy --no-install-recommends cpio gcc gcc-mingw-w64-x86-64 git make musl-tools"]


def test_a_user_who_cannot_install_is_told_what(tmp_path):
    path = bare_host(tmp_path / "bin")
    script(path / "id", "echo 1000")
    script(path / "apt-get", "exit 9")
    done = portolan("build", shell="/bin/sh", PATH=path)
    assert done.returncode == 1
    assert "as root, install these packages first: cpio gcc gcc-mingw-w64-x86-64 git make musl-tools" in done.stderr


# -- what is made for a run


def test_drivers_are_in_the_image_that_boots(tmp_path):
    """The temporary files are looked at while the machine runs."""
    for name in ("probe.sys", "Probe Two.inf"):
        (tmp_path / name).write_bytes(b"driver")
    temp = tmp_path / "tmp"
    temp.mkdir()
    with Machine("--boot", "kernel", "--driver", tmp_path / "probe.sys", f"--driver={tmp_path}/Probe Two.inf",
                 TMPDIR=temp) as machine:
        machine.wait_for("Portolan")
        image, = temp.glob("portolan.*/system.img")
        assert {"drivers/probe.sys", "drivers/Probe Two.inf", "etc"} <= cpio_names(image)
    assert not list(temp.iterdir()), "temporary files are left"


def test_a_private_iso_has_the_options_and_the_drivers(tmp_path):
    (tmp_path / "probe.sys").write_bytes(b"driver")
    temp = tmp_path / "tmp"
    temp.mkdir()
    with Machine("--boot", "iso", "--append", "hello=world", "--driver", tmp_path / "probe.sys",
                 TMPDIR=temp) as machine:
        machine.wait_for("GRUB")
        folder, = temp.glob("portolan.*/iso/boot")
        menu = (folder / "grub/grub.cfg").read_text()
        assert "\nset options='hello=world'\n" in menu
        assert "\nset timeout=3\n" in menu
        assert "drivers/probe.sys" in cpio_names(folder / "system.img")


# -- how it ends


def exec_selftest(kind, *args):
    return portolan("exec", *args, "--append", f"selftest={kind}")


def test_a_panic_is_125_with_its_text(tmp_path):
    done = exec_selftest("panic")
    assert done.returncode == 125
    assert "panic on processor" in done.stderr
    log = tmp_path / "log"
    done = exec_selftest("panic", "--log", log)
    assert done.returncode == 125
    assert "panic on processor" in done.stderr
    assert "panic on processor" in log.read_text()
    assert log.read_text().splitlines()[0] not in done.stderr


def test_a_hang_is_124_in_time():
    began = time.monotonic()
    done = exec_selftest("hang", "--timeout", 5)
    assert done.returncode == 124
    assert "no end after 5 seconds" in done.stderr
    assert 5 <= time.monotonic() - began < 30


def test_the_log_follows_only_a_failure(tmp_path):
    log = tmp_path / "log"
    done = portolan("exec", "--append", "after=poweroff", "--log", log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Portolan" in log.read_text()
    assert "Portolan" in exec_selftest("hang", "--timeout", 5).stderr


def test_a_qemu_that_does_not_start_is_126():
    done = portolan("exec", "--append", "test", "--qemu", "-device no-such-device")
    assert done.returncode == 126
    assert "no-such-device" in done.stderr


def test_a_signal_ends_qemu_and_leaves_nothing(tmp_path):
    launcher = subprocess.Popen([LAUNCHER, "exec", "--append", "selftest=hang"],
                                env=environment({"TMPDIR": tmp_path}), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("portolan.*/resets")) and time.monotonic() < deadline:
        time.sleep(0.1)
    launcher.send_signal(signal.SIGTERM)
    launcher.communicate(timeout=30)  # to the end of its output: QEMU held it open
    assert launcher.returncode == 143
    assert not os.listdir(tmp_path)


def test_debug_reaches_the_kernels_first_instruction():
    done = subprocess.run([LAUNCHER, "debug", "--boot", "kernel"], input="continue\nquit\n",
                          env=environment({}), capture_output=True, text=True, timeout=120)
    assert "Temporary breakpoint 1, " in done.stdout, done.stdout
    assert "boot_entry" in done.stdout
    assert "console: /dev/" in done.stderr
