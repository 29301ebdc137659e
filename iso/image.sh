#!/bin/sh
# image.sh IMAGE FOLDER BUSYBOX COMMAND... DRIVER... [--tests PROGRAM... DRIVER...]: put the root together in FOLDER, pack it as newc.
set -eu
image=$1 root=$2 busybox=$3
shift 3

rm -rf "$root"
mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/root" "$root/tmp" "$root/run" \
    "$root/proc" "$root/dev" "$root/mnt" "$root/drivers" "$root/var/log" "$root/usr/share/packages" \
    "$root/usr/share/help"
cp -R iso/etc "$root/etc"
ln -s ../proc/self/mounts "$root/etc/mtab"
cp iso/commands "$root/usr/share/help/commands"
cp "$busybox" "$root/bin/busybox"
for path in $("$busybox" --list-full); do
    case $path in
    linuxrc | */busybox | busybox) continue ;;
    */*) ;;
    *) path=bin/$path ;;
    esac
    mkdir -p "$root/${path%/*}"
    ln -sf /bin/busybox "$root/$path"
done

# Ours win over busybox's of the same name.
where=bin
for program; do
    case $program in
    --tests)
        where=tests
        mkdir -p "$root/tests"
        continue
        ;;
    *-init) to=sbin ;;
    *.sys | *.inf)
        to=drivers
        [ $where = bin ] || to=tests/drivers
        mkdir -p "$root/$to"
        ;;
    *) to=$where ;;
    esac
    [ $where = tests ] || rm -f "$root/bin/${program##*/}" "$root/sbin/${program##*/}" "$root/usr/bin/${program##*/}"
    cp "$program" "$root/$to/${program##*/}"
done

# Programs of the host's packages, with the libraries that they ask for.
host_program() { # FILE FOLDER
    mkdir -p "$root/$2"
    rm -f "$root/$2/${1##*/}" "$root/bin/${1##*/}" "$root/usr/sbin/${1##*/}"
    cp -L "$1" "$root/$2/${1##*/}"
    ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | while IFS= read -r library; do
        mkdir -p "$root${library%/*}"
        [ -e "$root$library" ] || cp -L "$library" "$root$library"
    done
}
while read -r to tool package; do
    for folder in /sbin /usr/sbin /bin /usr/bin; do
        [ ! -x "$folder/$tool" ] || { host_program "$folder/$tool" "$to" && break; }
    done
    [ -e "$root/$to/$tool" ] || { echo "image.sh: no $tool: install $package"; exit 1; }
done <<'END'
sbin mkfs.fat  dosfstools
sbin fsck.fat  dosfstools
sbin fatlabel  dosfstools
sbin blkid     util-linux
sbin sfdisk    fdisk
sbin badblocks e2fsprogs
bin  dd        coreutils
END
ln -sf mkfs.fat "$root/sbin/mkfs.vfat"
ln -sf fsck.fat "$root/sbin/fsck.vfat"
# The code page of FAT's short names, for the C library's iconv.
for module in /usr/lib/*/gconv/IBM850.so /usr/lib64/gconv/IBM850.so; do
    [ -e "$module" ] || continue
    mkdir -p "$root${module%/*}"
    cp -L "$module" "$root$module"
    printf 'alias CP850// IBM850//\nmodule IBM850// INTERNAL IBM850 1\nmodule INTERNAL IBM850// IBM850 1\n' >"$root${module%/*}/gconv-modules"
done

{
    printf '%-16s %-24s %s\n' Package Version Licence
    printf '%-16s %-24s %s\n' portolan "$(git describe --tags --always 2>/dev/null || echo unknown)" MIT
    printf '%-16s %-24s %s\n' busybox "$("$busybox" 2>&1 | sed -n '1s/BusyBox v\([^ ]*\).*/\1/p')" GPL-2
    printf '%-16s %-24s %s\n' dosfstools "$(dpkg-query -W -f '${Version}' dosfstools 2>/dev/null || echo unknown)" GPL-3
    printf '%-16s %-24s %s\n' util-linux "$(dpkg-query -W -f '${Version}' util-linux 2>/dev/null || echo unknown)" GPL-2
    printf '%-16s %-24s %s\n' libc6 "$(dpkg-query -W -f '${Version}' libc6 2>/dev/null || echo unknown)" LGPL-2.1
    printf '%-16s %-24s %s\n' musl "$(dpkg-query -W -f '${Version}' musl-dev 2>/dev/null || echo unknown)" MIT
} >"$root/usr/share/packages/list"

cd "$root"
find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0 >"../${image##*/}"
