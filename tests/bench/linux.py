"""
Debian's kernel on the virtual machine of bench.py, with our static programs: the figures beside ours. The kernel's package is fetched
with apt-get and unpacked in BUILD/linux, not installed; what a controller needs of its modules goes into an initramfs with busybox.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MODULES = {"ahci": ["ahci"], "ide": ["ata_piix"], "lsi": ["sym53c8xx"], "am53c974": ["am53c974"]}
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for m in $(/bin/busybox cat /modules); do /bin/busybox insmod /$m || echo "insmod $m failed"; done
while [ ! -b /dev/sda ]; do /bin/busybox sleep 0.1; done
exec /bench/disk
"""
TIMEOUT = 900  # seconds; a bound for a machine that hangs


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


class Linux:
    def __init__(self, folder, build):
        self.folder, self.build, self.root = Path(folder), build, build / "linux"
        if not (self.root / "boot").is_dir():
            self.root.mkdir(parents=True, exist_ok=True)
            package = re.search(r"Depends: (linux-image\S+)", run("apt-cache", "depends", "linux-image-amd64"))[1]
            run("apt-get", "download", "-q", package, cwd=self.root)
            run("dpkg", "-x", next(self.root.glob("*.deb")), self.root)
        self.kernel = next((self.root / "boot").glob("vmlinuz-*"))
        self.version = self.kernel.name.removeprefix("vmlinuz-")
        run(shutil.which("depmod", path="/sbin:/usr/sbin:/bin:/usr/bin") or sys.exit("bench: depmod is missing: install kmod"),
            "-b", self.root, self.version)

    def modules(self, names):
        """Files, in the order in which they can be loaded."""
        shown = [line for name in [*names, "sd_mod"]
                 for line in run("/sbin/modprobe", "-d", self.root, "-S", self.version, "--show-depends", name).splitlines()]
        found = [line.split()[1] for line in shown if line.startswith("insmod")]
        extra = [str(path) for name in ("crct10dif_common", "crct10dif_generic") for path in (self.root / "lib/modules").rglob(f"{name}.ko")]
        return list(dict.fromkeys(extra + found))

    def initramfs(self, name):
        top = self.folder / f"linux-{name}"
        for below in ("bin", "dev", "bench"):
            (top / below).mkdir(parents=True, exist_ok=True)
        shutil.copy(shutil.which("busybox"), top / "bin/busybox")
        shutil.copy(self.build / "bench/disk", top / "bench/disk")
        modules = self.modules(MODULES[name])
        for path in modules:
            shutil.copy(path, top / os.path.basename(path))
        (top / "modules").write_text("\n".join(os.path.basename(path) for path in modules) + "\n")
        (top / "init").write_text(INIT)
        (top / "init").chmod(0o755)
        names = run("find", ".", cwd=top)
        archive = self.folder / f"linux-{name}.cpio"
        archive.write_bytes(subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=top, input=names.encode(), capture_output=True,
                                           check=True).stdout)
        return archive

    def run(self, name, devices):
        """The markers, as bench.boot() has them, with port accesses."""
        marks, log = self.folder / "linux-marks", self.folder / "linux-log"
        marks.unlink(missing_ok=True)
        subprocess.run(["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-smp", "1", "-nodefaults",
                        "-display", "none", "-no-reboot", "-serial", f"file:{log}", "-kernel", self.kernel, "-initrd", self.initramfs(name),
                        "-append", "console=ttyS0 quiet panic=-1 mitigations=off", "-plugin", f"{self.build}/bench/icplugin.so,out={marks},entry=0",
                        *devices], stdin=subprocess.DEVNULL, check=True, timeout=TIMEOUT)
        if not marks.exists() or not marks.read_text():
            sys.exit(f"bench: Linux did not run it:\n{log.read_text(errors='replace')[-2000:]}")
        fields = [line.split("\t") for line in marks.read_text().splitlines()]
        return [(int(f[1]), int(f[3]) + int(f[4]), int(f[6]) + int(f[7])) for f in fields]
