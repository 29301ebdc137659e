#!/bin/sh
# commands.sh LIST COMMAND...: docs/commands, a page for each of our commands, of what its --help says; README.md is the index,
# in the groups of LIST (iso/commands).
set -eu
list=$1
shift
out=docs/commands
rm -rf "$out"
mkdir -p "$out"
ours=' '
for command; do
    name=${command##*/}
    [ "$name" != exec-init ] || continue
    ours="$ours$name "
    text=$("$command" --help)
    {
        printf '# %s\n\n' "$name"
        printf '%s\n' "$text" | sed 's/^/    /; s/ *$//'
        printf '\n[All commands](README.md)\n'
    } >"$out/$name.md"
done
{
    printf '# Commands\n\nOurs have a page each, made from their `--help`; the others are busybox'"'"'s and Debian'"'"'s: `help NAME` explains them.\n'
    while IFS= read -r line; do
        case $line in
        '#'*) printf '\n## %s\n\n' "${line#\# }" ;;
        ?*)
            name=${line%% *} text=$(printf '%s' "${line#* }" | sed 's/^ *//')
            case $ours in
            *" $name "*) printf -- '- [`%s`](%s.md): %s\n' "$name" "$name" "$text" ;;
            *) printf -- '- `%s`: %s\n' "$name" "$text" ;;
            esac
            ;;
        esac
    done <"$list"
} >"$out/README.md"
