# shellcheck shell=sh disable=SC2154
# portolan debug: the machine under gdb. Sourced by ./portolan, whose functions and variables it uses.

debug_main() {
    options_parse "$@"
    [ -z "$rest" ] || usage_error "debug takes no command: $rest"
    [ -n "$dry_run" ] || need gdb
    prepare
    line_common
    [ -n "$gui" ] || add -display none
    add -serial pty -S -chardev "socket,id=gdb,path=$(commas "$temp/gdb"),server=on,wait=off" -gdb chardev:gdb
    [ -z "$log" ] || line_log "$log"
    line_more
    [ -n "$dry_run" ] && printf '%s\n' "$line" && exit
    debug_session
}

debug_session() { # QEMU in a session of its own, where Ctrl-C for gdb does not reach it
    trap : INT
    add -daemonize -pidfile "$temp/pid"
    eval "$line" >"$temp/qemu" || die "QEMU did not start: $(cat "$temp/qemu")"
    qemu=$(cat "$temp/pid")
    say "console: $(sed -n 's/.* redirected to \([^ ]*\).*/\1/p' "$temp/qemu") (open it with screen)"
    say "stopped at the processor's first instruction; 'continue' goes to the kernel's"
    PORTOLAN_SYMBOLS=$(debug_symbols) "$(find_gdb)" -q "$elf" -x "$root/launcher/gdb.py" -ex "target remote $temp/gdb" \
        -ex 'thbreak *boot_entry'
}

debug_symbols() { # drivers with symbols in them: those of --driver, then ours
    printf '%s\n' "$drivers" | grep -i '\.sys$' | tr '\n' ':'
    printf '%s:' "$BUILD"/drivers/*.sys.debug
}
