#!/bin/sh
# implib.sh FOLDER/LIBRARY.a FILE.c...: the import library of a list of exports (drivers/loader/exports.h) for mingw-w64
set -eu
out=$1
shift
mkdir -p "${out%/*}"
{
    library=${out##*/}
    printf 'LIBRARY %s\nEXPORTS\n' "${library%.a}"
    for file; do $CC -E "$file" | grep -o '{ *"[A-Za-z0-9_]*",' | tr -dc 'A-Za-z0-9_\n'; done
} >"$out.def"
"$DLLTOOL" -m i386:x86-64 -d "$out.def" -l "$out"
