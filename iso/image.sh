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

{
    printf '%-16s %-24s %s\n' Package Version Licence
    printf '%-16s %-24s %s\n' portolan "$(git describe --tags --always 2>/dev/null || echo unknown)" MIT
    printf '%-16s %-24s %s\n' busybox "$("$busybox" 2>&1 | sed -n '1s/BusyBox v\([^ ]*\).*/\1/p')" GPL-2
    printf '%-16s %-24s %s\n' musl "$(dpkg-query -W -f '${Version}' musl-dev 2>/dev/null || echo unknown)" MIT
} >"$root/usr/share/packages/list"

cd "$root"
find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0 >"../${image##*/}"
