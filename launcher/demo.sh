# shellcheck shell=sh disable=SC2154
# The demonstration disks: what `portolan run` has when nobody names a disk. Made once, in disks/ (or $PORTOLAN_DISKS), and kept between runs; to have
# them anew, remove them. Sourced by ./portolan, whose functions and variables it uses.
#
#   disks/gpt.img   on AHCI: GPT, one FAT32 volume DEMO
#   disks/mbr.img   on IDE: MBR, a FAT16 volume TEXTS, a FAT12 volume FLOPPY

demo_folder=${PORTOLAN_DISKS:-$root/disks}
sector=512
mib=1048576

demo_attach() { # adds the disks to those of this run, unless there are some, or another run has them
    [ -z "$disks$cd" ] && [ "${PORTOLAN_DEMO:-yes}" = yes ] || return 0
    if [ -z "$dry_run" ]; then
        mkdir -p "$demo_folder" 2>/dev/null || { say "no demonstration disks: $demo_folder cannot be made" && return 0; }
        demo_lock || { say "no demonstration disks: another run has them" && return 0; }
        demo_make
    fi
    disks=$(push "ahci:$demo_folder/gpt.img" "ide:$demo_folder/mbr.img")
}

demo_lock() { # held until this shell ends; where there is no flock, QEMU's own lock tells
    command -v flock >/dev/null 2>&1 || return 0
    exec 9>"$demo_folder/.lock" && flock -n 9
}

demo_make() {
    [ -e "$demo_folder/gpt.img" ] && [ -e "$demo_folder/mbr.img" ] && return
    need sfdisk mkfs.fat mformat
    say "making two disks with files to look at: $demo_folder"
    demo_files || die "the files of the demonstration disks could not be put together"
    [ -e "$demo_folder/gpt.img" ] || demo_gpt || die "disks/gpt.img could not be made"
    [ -e "$demo_folder/mbr.img" ] || demo_mbr || die "disks/mbr.img could not be made"
}

demo_files() { # texts, names of all kinds, a deep tree, big files
    files=$temp/demo
    mkdir -p "$files/texts" "$files/names" "$files/big" "$files/source" || return
    cp "$root/README.md" "$root/LICENSE" "$root"/docs/*.md "$files/texts/" &&
        cp -R "$root/kernel" "$root/drivers" "$root/lib" "$files/source/" || return
    demo_names && demo_deep || return
    seq 1 4000000 >"$files/big/numbers.txt" && cp "$elf" "$files/big/kernel with symbols.elf" || return
    cat >"$files/Welcome.txt" <<'END'
This disk is an ordinary file on your computer, disks/gpt.img, and an ordinary disk in this one. What you write on it stays.

  texts/    about this system: more /mnt/DEMO/texts/files.md
  source/   what it is made of, as a deep tree: find /mnt/DEMO/source -name '*.c' | wc -l
  names/    long and non-English names, which FAT keeps in UTF-16
  big/      big files: time sha256sum /mnt/DEMO/big/*
  deep/     a folder in a folder in a folder

"tour" walks through it all.
END
}

demo_names() {
    for name in 'Grüße aus Köln.txt' 'Ça va, déjà vu.txt' 'Здравствуй, мир.txt' 'Καλημέρα κόσμε.txt' '日本語のファイル名.txt' \
        '한국어 파일.txt' 'العربية.txt' 'no extension' 'many.dots.in.a.name.txt' 'UPPER.TXT' 'lower.txt' 'MiXeD.Txt' \
        'A name that is as long as names of chapters in old books were, in which the reader learns what will come to pass.txt'; do
        printf 'This file is named "%s".\n' "$name" >"$files/names/$name" || return
    done
}

demo_deep() {
    path=$files/deep
    for level in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do path="$path/level $level"; done
    mkdir -p "$path" && echo "You have found the bottom." >"$path/treasure.txt"
}

empty_image() { dd if=/dev/null of="$1" bs=$mib seek="$2" 2>/dev/null; } # FILE MIB: sparse

# Made beside, and named when complete, so that one that was interrupted is not taken for it.
demo_gpt() {
    image=$temp/gpt.img
    empty_image "$image" 512 &&
        printf 'label: gpt\nstart=2048, size=1040384, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="Demonstration"\n' |
        "$(find_sbin sfdisk)" -q "$image" &&
        demo_volume 2048 520192 -F 32 -n DEMO &&
        demo_copy 2048 "$files"/* && mv "$image" "$demo_folder/gpt.img"
}

demo_mbr() {
    image=$temp/mbr.img
    empty_image "$image" 128 &&
        printf 'label: dos\nstart=2048, size=245760, type=6\nstart=247808, size=8192, type=1\n' |
        "$(find_sbin sfdisk)" -q "$image" &&
        demo_volume 2048 122880 -F 16 -n TEXTS && demo_volume 247808 4096 -F 12 -n FLOPPY &&
        demo_copy 2048 "$files/texts" "$files/names" "$files/source/lib" &&
        demo_copy 247808 "$files/texts/README.md" "$files/texts/LICENSE" && mv "$image" "$demo_folder/mbr.img"
}

find_sbin() { find_file "/sbin/$1" "/usr/sbin/$1" "$(command -v "$1")"; }

demo_volume() { # FIRST-SECTOR KIB OPTION...: a file system at that place of $image
    first=$1 size=$2
    shift 2
    "$(find_sbin mkfs.fat)" --offset "$first" "$@" "$image" "$size" >/dev/null
}

demo_copy() { # FIRST-SECTOR FILE...: into the volume there, names as UTF-8
    offset=$(($1 * sector))
    shift
    LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 mcopy -s -Q -i "$image@@$offset" "$@" ::
}
