#!/bin/sh
# static.sh: what clang-format, cppcheck and clang-tidy say about the tree. Exit status 1 if any says something.
# A finding that is wrong is silenced where it stands, with its reason behind it:
#   // cppcheck-suppress ID ; reason        // NOLINT(check): reason
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/lint
jobs=$(nproc 2>/dev/null || echo 2)
status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for tool in clang-format cppcheck clang-tidy; do
    command -v "$tool" >/dev/null || { echo "static: $tool is missing" >&2; exit 1; }
done

# step NAME COMMAND...: runs it and says how long it took; its output is shown only if it fails
step() {
    name=$1
    shift
    began=$(date +%s)
    if "$@" >"$work/$name" 2>&1; then result=clean; else result=FAILED; status=1; fi
    [ $result = clean ] || cat "$work/$name"
    echo "$name: $result, $(($(date +%s) - began)) s"
}

# list PATTERN...: files that git tracks or would track, and that are there
list() {
    git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while IFS= read -r f; do
        [ ! -f "$f" ] || echo "$f"
    done
}

list '*.c' '*.h' >"$work/all"
[ -s "$work/all" ] || { echo "static: git lists no C files here" >&2; exit 1; }
# Probe drivers are mingw-w64's: other flags, other headers. Their own warnings are errors.
list 'lib/*.c' 'kernel/*.c' 'drivers/*.c' 'boot/*.c' 'tests/guest/*.c' | grep -v '^tests/guest/probe/' >"$work/kernel"

format() {
    xargs clang-format --dry-run -Werror <"$work/all"
}

check() {
    cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,performance,portability -j "$jobs" -I. \
        --inline-suppr --library=$here/cppcheck.cfg --suppressions-list=$here/cppcheck.txt --error-exitcode=1 \
        --template='{file}:{line}: {severity}: {message} [{id}]' -DDEBUG=1 -DTESTS=1 -D__x86_64__ -D__GNUC__=12 \
        --file-list="$work/kernel"
}

# Where a product of two 32-bit numbers that becomes 64 bits wide cuts a disk at 4 GiB.
sectors='^(kernel/(block|fs)|drivers/(class|miniport|port))/'

# With the compiler's own flags, one a line, include folders absolute.
tidy() {
    make -s print-cflags DEBUG=1 >"$work/flags" || return 1
    { tr -s ' ' '\n' <"$work/flags" | sed "s|^-I\([^/]\)|-I$PWD/\1|"
      printf '%s\n' "-I$PWD/drivers/ddk" '-DVERSION="lint"' -Wno-unknown-warning-option -Wno-unused-command-line-argument \
          -Xclang -analyzer-config -Xclang max-nodes=60000      # a quarter of the default: the longest take 6 s
    } >"$work/compile_flags.txt"
    {
        grep -vE "$sectors" "$work/kernel" | tidy_some
        grep -E "$sectors" "$work/kernel" | tidy_some --checks=bugprone-implicit-widening-of-multiplication-result
    } >"$work/tidy"
    [ ! -s "$work/tidy" ] || { cat "$work/tidy"; return 1; }
}

# tidy_some OPTION...: over the files named in standard input; without the lines that only count (which
# several at once may write into one another)
tidy_some() {
    xargs -r -P "$jobs" -n 4 clang-tidy --quiet --warnings-as-errors='*' -p "$work" "$@" 2>&1 |
        grep -vE '^[0-9 ]*((warnings?|errors?) .*(generated|treated).*)?$|^Suppressed |^Use -header-filter|^Error while'
}

step clang-format format
step cppcheck check
step clang-tidy tidy
exit $status
