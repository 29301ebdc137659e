#!/bin/sh
# fuzz.sh BINARY RUNS: run the fuzzer build/host/MODULE/fuzz_NAME over tests/host/MODULE/corpus/NAME.
# What it learns goes to BINARY.corpus, an input that it fails on to BINARY.failed-*.
set -eu

name=$(basename "$1")
module=$(basename "$(dirname "$1")")
corpus=tests/host/$module/corpus/${name#fuzz_}

mkdir -p "$1.corpus"
[ -d "$corpus" ] || corpus=$1.corpus
echo "$1"
if ! timeout 300 "$1" -runs="$2" -seed=1 -timeout=10 -artifact_prefix="$1.failed-" "$1.corpus" "$corpus" \
    >"$1.log" 2>&1; then
    cat "$1.log"
    echo "fuzz.sh: $1 failed; the input is $(ls "$1".failed-* 2>/dev/null || echo unknown)" >&2
    exit 1
fi
