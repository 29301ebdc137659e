# shellcheck shell=sh disable=SC2154
# portolan bench: the figures of docs/figures.md, measured. Sourced by ./portolan, whose functions and variables it uses.

bench_main() {
    linux=
    for word in "$@"; do
        case $word in
        --help) help_command bench && exit ;;
        --linux) linux=1 ;;
        *) usage_error "bench: unexpected '$word'" ;;
        esac
    done
    need_build
    need qemu mkfs.fat
    [ -z "$linux" ] || need kmod
    cd "$root" || exit 1
    exec make -s --no-print-directory -j"$(cores)" "BUILD=$(build_name)" ${linux:+LINUX=1} bench
}
