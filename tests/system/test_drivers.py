"""Drivers as their users meet them: files in /drivers, the commands, and images of other people's ways."""

import re
import shutil
import struct
import subprocess

import pytest

from launcher import BUILD, ROOT, portolan

PROBES = BUILD / "probes"
INF = ROOT / "tests/guest/probe/atasim.inf"
CFLAGS = ["-std=gnu17", "-ffreestanding", "-nostdlib", f"-I{ROOT}/drivers/ddk", "-Wall", "-Wextra", "-Werror",
          "-Wno-unused-parameter", "-Wl,--subsystem,native,--entry,DriverEntry"]
LOAD_CONFIG = 10


def run(command, *options, drivers=(), timeout=120, ours=False):
    """ours: the drivers that come with the system are used, too."""
    if not ours:
        options = ("--append", "driver.exclude=ahci,ide", *options)
    words = [word for path in drivers for word in ("--driver", path)]
    return portolan("exec", *options, *words, "--timeout", timeout, "--", command, timeout=timeout + 60,
                    PORTOLAN_VARIANT="debug")


def import_library(folder, library, names, ordinals=False):
    """An import library for mingw-w64; with ordinals, by our lists' own numbers."""
    listed = [line for line in (BUILD / "implib/ntoskrnl.exe.a.def").read_text().split()[3:]]
    lines = [f"{name} @{listed.index(name) + 1} NONAME" if ordinals else name for name in names]
    (folder / f"{library}.def").write_text(f"LIBRARY {library}\nEXPORTS\n" + "\n".join(lines) + "\n")
    subprocess.run(["x86_64-w64-mingw32-dlltool", "-m", "i386:x86-64", "-d", folder / f"{library}.def", "-l",
                    folder / f"{library}.a"], check=True)
    return folder / f"{library}.a"


def build(folder, name, *options, source=ROOT / "tests/drivers/foreign.c", library=None):
    library = library or import_library(folder, "ntoskrnl.exe", ["DbgPrint", "memset", "memcpy"])
    subprocess.run(["x86_64-w64-mingw32-gcc", *CFLAGS, "-o", folder / name, source, *options, library], check=True)
    return folder / name


def with_load_config(path):
    """Write the place of section .lcfg into the directory, as Microsoft's linker does."""
    image = bytearray(path.read_bytes())
    header = struct.unpack_from("<I", image, 0x3c)[0]
    sections, optional = struct.unpack_from("<H", image, header + 6)[0], struct.unpack_from("<H", image, header + 20)[0]
    for n in range(sections):
        at = header + 24 + optional + 40 * n
        if image[at:at + 5] == b".lcfg":
            size, rva = struct.unpack_from("<II", image, at + 8)
            struct.pack_into("<II", image, header + 24 + 112 + 8 * LOAD_CONFIG, rva, size)
    struct.pack_into("<I", image, header + 24 + 64, 0)  # no checksum
    path.write_bytes(image)
    return path


def test_what_drivers_has_is_bound_at_the_start():
    done = run("drivers; ports; registry", drivers=(PROBES / "atasim.sys", INF))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^atasim.sys +running +ataport +\d+ KiB +0000:00:1f.2$", done.stdout, re.M)
    assert re.search(r"^ata0 +running +ataport +atasim.sys +0000:00:1f.2 ", done.stdout, re.M)
    for line in (r"Services\\atasim\\Parameters\\Device +DriverParameter +text +a=1; b=%2",
                 r"Services\\atasim\\Parameters +Number +dword +0x00000011 \(17\)",
                 r"Services\\atasim\\Parameters +Bytes +binary +01 02 ff",
                 r"Services\\atasim\\Parameters +List +strings +one, two",
                 r"Devices\\0000:00:1f.2 +Removable +dword +0x00000000 \(0\)",
                 r"Services\\atasim\\Controller0\\Channel0 +Number +dword +0x00001234 \(4660\)"):
        assert re.search(f"^{line}$", done.stdout, re.M), line


@pytest.mark.parametrize("option, bound", [
    ("driver.exclude=atasim", False), ("driver.exclude=other,ata*", False), ("driver.exclude=other", True)])
def test_an_excluded_driver_is_not_used(option, bound):
    done = run("drivers", "--append", option, drivers=(PROBES / "atasim.sys", INF))
    assert ("atasim.sys" in done.stdout) == bound


def test_a_device_can_be_given_to_a_driver_without_inf():
    done = run("drivers", "--append", "driver.force=0000:00:1f.2:/drivers/atasim.sys",
               drivers=(PROBES / "atasim.sys",))
    assert re.search(r"^atasim.sys +running.*0000:00:1f.2$", done.stdout, re.M)


def test_a_malformed_inf_is_told_with_its_line(tmp_path):
    bad = tmp_path / "bad.inf"
    bad.write_text("[Version]\nSignature=x\n[Models\n")
    done = run("dmesg", drivers=(bad, INF, PROBES / "atasim.sys"))
    assert "/drivers/bad.inf:3: no ] ends the section's name" in done.stdout
    ours = len(list((ROOT / "drivers/miniport").glob("*/*.inf")))
    assert f"{ours + 1} INF files, 1 devices have a driver" in done.stdout


def test_a_controller_without_channels_of_its_own_gets_the_default_ones(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20))
    done = run("ports; drivers unbind 00:01.1; drivers unload channelless; drivers unload ide; drivers", "--machine", "pc",
               "--disk", f"ide:{image}", "--append", "driver.force=0000:00:01.1:/drivers/channelless.sys",
               drivers=(PROBES / "channelless.sys",), ours=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ata0 +running +ataport +channelless.sys +0000:00:01.1 .* 0 +-$", done.stdout, re.M)
    assert re.search(r"^ata0:0:0:0 ", done.stdout, re.M)
    assert "ide.sys" not in done.stdout


@pytest.mark.parametrize("options, device", [
    (("--machine", "pc"), "0000:00:01.1"), ((), "0000:00:02.0"), ("isa", "isa-ide0")], ids=["pc", "q35", "isa"])
def test_ide_finds_disks_and_cd(tmp_path, options, device):
    image, other = tmp_path / "disk.img", tmp_path / "other.img"
    for path in image, other:
        path.write_bytes(bytes(1 << 20))
    kind = "isa-ide" if options == "isa" else "ide"
    more = [] if options == "isa" else [*options]
    done = run("ports", *more, "--disk", f"{kind}:{image}", "--disk", f"{kind}:{other},ro",
               *(["--cd", str(other)] if "pc" in more else []), "--append", "driver.exclude=ahci", ours=True)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^ata0 +running +ataport +ide.sys +{device} ", done.stdout, re.M)
    for unit in ("ata0:0:0:0", "ata0:0:1:0", *(["ata0:1:0:0"] if "pc" in more else [])):
        assert re.search(rf"^{unit} ", done.stdout, re.M), unit


def test_ahci_finds_disks_and_cd(tmp_path):
    images = [tmp_path / f"{n}.img" for n in range(8)]
    for path in images:
        path.write_bytes(bytes(1 << 20))
    disks = [word for path in images[1:] for word in ("--disk", f"ahci:{path}")]
    done = run("ports", *disks, "--cd", images[0], ours=True)
    assert done.returncode == 0, done.stderr
    for unit in [f"ata0:{n}:0:0" for n in range(3)] + [f"ata1:{n}:0:0" for n in range(5)]:
        assert re.search(rf"^{unit} +\w+ +QEMU [\w\- ]+ 32 ", done.stdout, re.M), unit


def test_commands_load_bind_unbind_unload():
    done = run("""set -e
        drivers load /tests/drivers/atasim.sys
        drivers bind 00:1f.2 atasim
        ! drivers unload atasim
        ports ata0 | grep -c ata0
        drivers unbind 00:1f.2
        ports
        drivers unload atasim.sys
        drivers""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("no adapters\nno drivers\n")
    assert "in use" in done.stderr


@pytest.mark.parametrize("command, status, said", [
    ("drivers load /etc/motd", 1, "drivers: load /etc/motd: "),
    ("drivers load /none.sys", 1, "drivers: /none.sys: No such file or directory"),
    ("drivers load /bin/busybox", 1, "e_magic is 0x457f: not MZ"),
    ("drivers info /etc/motd", 1, "drivers: /etc/motd: e_magic is 0x7954: not MZ"),
    ("drivers unload none", 1, "no driver of that name is loaded"),
    ("drivers bind 00:0f.0", 1, "there is no device 00:0f.0"),
    ("drivers bind 00:1f.2", 1, "no INF file has a driver for 00:1f.2"),
    ("drivers bind 00:1f.2 none", 1, "no driver none is loaded"),
    ("drivers unbind 00:1f.2", 1, "is bound to no driver"),
    ("drivers load", 2, "'load' takes one word"),
    ("drivers frobnicate x", 2, "there is no command 'frobnicate'"),
    ("ports ata7", 1, "there is no adapter 'ata7'"),
    ("registry Services", 1, "nothing lies at or below 'Services'"),
    ("drivers --help && ports --help && registry --help", 0, ""),
])
def test_commands_say_what_is_wrong(command, status, said):
    done = run(command)
    assert done.returncode == status, done.stderr
    assert said in done.stderr


def test_info_tells_sections_and_imports():
    done = run("drivers info /tests/drivers/atasim.sys")
    assert re.search(r"^section  \.text +0x1000 +0x[0-9a-f]+ r-x$", done.stdout, re.M)
    assert "import   found    pciidex.sys!AtaPortInitializeEx" in done.stdout
    assert re.search(r"^imports  \d+, of which 0 are missing$", done.stdout, re.M)


def test_every_missing_import_is_named(tmp_path):
    source = tmp_path / "missing.c"
    source.write_text('#include "ntddk.h"\n'
                      "__declspec(dllimport) void NTAPI NoSuchRoutine(void);\n"
                      "__declspec(dllimport) void NTAPI Another(void);\n"
                      "NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING p)\n"
                      "{ NoSuchRoutine(); Another(); DbgPrint(\"x\"); return 0; }\n")
    names = import_library(tmp_path, "ntoskrnl.exe", ["DbgPrint"])
    (tmp_path / "strange.def").write_text("LIBRARY strange.sys\nEXPORTS\nNoSuchRoutine\nAnother\n")
    subprocess.run(["x86_64-w64-mingw32-dlltool", "-m", "i386:x86-64", "-d", tmp_path / "strange.def", "-l",
                    tmp_path / "strange.a"], check=True)
    build(tmp_path, "missing.sys", tmp_path / "strange.a", source=source, library=names)
    done = run("drivers load /drivers/missing.sys", drivers=(tmp_path / "missing.sys",))
    assert done.returncode == 1
    assert "missing imports: strange.sys!Another, strange.sys!NoSuchRoutine" in done.stderr


WAYS = {
    "O2": ("-O2", "-Wl,--dynamicbase"),
    "O3-avx-free": ("-O3", "-msse2", "-mno-avx", "-Wl,--dynamicbase"),
    "O0": ("-O0", "-Wl,--dynamicbase"),
    "large-alignment": ("-O2", "-Wl,--dynamicbase,--section-alignment,65536"),
    "stripped": ("-O2", "-s", "-Wl,--dynamicbase"),
    "high-base": ("-O2", "-Wl,--dynamicbase,--image-base,0xfffff80000000000"),
}


@pytest.mark.parametrize("way", WAYS)
def test_images_of_other_peoples_ways(tmp_path, way):
    path = with_load_config(build(tmp_path, "foreign.sys", *WAYS[way]))
    done = run("drivers load /drivers/foreign.sys && drivers && dmesg", drivers=(path,))
    assert done.returncode == 0, done.stderr
    assert "foreign: all is as it should be, sum 1008" in done.stdout


@pytest.mark.parametrize("library, ordinals", [
    ("NtOsKrnl.EXE", False), ("NTOSKRNL.exe", True), ("HAL.dll", False), ("ntkrnlmp.exe", False)])
def test_imports_by_any_name_and_by_ordinal(tmp_path, library, ordinals):
    names = import_library(tmp_path, library, ["DbgPrint", "memset", "memcpy"], ordinals)
    path = with_load_config(build(tmp_path, "foreign.sys", "-O2", "-Wl,--dynamicbase", library=names))
    done = run("drivers load /drivers/foreign.sys && dmesg", drivers=(path,))
    assert done.returncode == 0, done.stderr
    assert "foreign: all is as it should be" in done.stdout


def test_a_truncated_driver_is_refused_whereever_it_ends(tmp_path):
    whole = (PROBES / "runtime.sys").read_bytes()
    cuts = [1, 63, 64, 128, 200, 400, 512, 1024, 4096, len(whole) // 2, len(whole) - 512, len(whole) - 1]
    for cut in cuts:
        (tmp_path / f"cut{cut}.sys").write_bytes(whole[:cut])
    done = run("for f in /drivers/cut*.sys; do drivers load $f && echo loaded $f; done; drivers",
               drivers=sorted(tmp_path.glob("*.sys")))
    assert done.stdout == "no drivers\n"
    assert len(done.stderr.splitlines()) == len(cuts)


def test_the_machine_goes_on_after_a_driver_that_faults(tmp_path):
    source = tmp_path / "wild.c"
    source.write_text('#include "ntddk.h"\nNTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING p)\n'
                      "{ *(volatile int *)0x1000 = 1; return 0; }\n")
    path = build(tmp_path, "wild.sys", "-O2", "-Wl,--dynamicbase", source=source)
    done = run("drivers load /drivers/wild.sys; drivers load /tests/drivers/runtime.sys && drivers",
               drivers=(path,))
    assert "DriverEntry wrote to address 0000000000001000, which is not mapped, at wild.sys+0x10" in done.stderr
    assert re.search(r"^runtime.sys +running", done.stdout, re.M)


@pytest.mark.skipif(not shutil.which("x86_64-w64-mingw32-gcc"), reason="mingw-w64 is not installed")
def test_the_ddk_headers_compile_without_a_warning_in_any_order(tmp_path):
    headers = sorted(path.name for path in (ROOT / "drivers/ddk").glob("*.h"))
    for n in range(len(headers)):
        source = tmp_path / f"order{n}.c"
        source.write_text("".join(f'#include "{name}"\n' for name in headers[n:] + headers[:n]) + "int x;\n")
        for compiler in ("x86_64-w64-mingw32-gcc", "gcc"):
            subprocess.run([compiler, "-std=gnu17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/drivers/ddk", "-c", source,
                            "-o", tmp_path / "x.o"], check=True)
