# shellcheck shell=sh disable=SC2154
# portolan exec: boot headless, run a command in the system's shell, pass on what it prints, and its status. Sourced by
# ./portolan, whose functions and variables it uses.
#
# The command goes into the image as /run/exec, where /sbin/exec-init finds it. Its output comes through byte channels of
# the emulator (isa-debugcon) at ports of their own: 0xe80 its standard output, 0xe81 its standard error, 0xe82 its
# status; the kernel log through 0xe9. Without a command, for the tests in the kernel, the serial port is our output.

exec_main() {
    options_parse "$@"
    case "$rest: $append" in
    ?*:* | *" test" | *" test "* | *" test="* | *" selftest="* | *" after="*) ;;
    *) usage_error "exec: no COMMAND" ;;
    esac
    prepare
    exec_line
    [ -n "$dry_run" ] && printf '%s\n' "$line" && exit
    exec 3</dev/null
    if [ -n "$rest" ]; then
        exec_run_command
    elif [ "$firmware" = uefi ]; then
        exec_run_uefi
    else
        qemu_start && qemu_wait
    fi
    exec_status
}

exec_line() {
    line_common
    add -display none -no-reboot
    if [ -n "$rest" ]; then
        add -chardev stdio,id=out,signal=off -device isa-debugcon,iobase=0xe80,chardev=out
        add -chardev "file,id=err,path=$(commas "$temp/err")" -device isa-debugcon,iobase=0xe81,chardev=err
        add -chardev "file,id=status,path=$(commas "$temp/status")" -device isa-debugcon,iobase=0xe82,chardev=status
    else
        add -chardev stdio,id=com1,signal=off -serial chardev:com1
    fi
    add -device isa-debug-exit,iobase=0xf4,iosize=0x04
    line_log "${log:-$temp/log}"
    add -d cpu_reset -D "$temp/resets"
    line_more
}

# The command's standard error comes through a pipe; QEMU's own is kept, for when it fails.
exec_run_command() {
    mkfifo "$temp/err" || exit 1
    cat <"$temp/err" >&2 3<&- &
    filter=$!
    qemu_start 2>"$temp/qemu"
    qemu_wait
    : <>"$temp/err" # should QEMU never have opened it
    wait "$filter"
    [ "$status:$(head -c 4 "$temp/status" 2>/dev/null)" = 0: ] || exec_ended
}

exec_ended() { # the command has told its status
    [ $status = 0 ] || return 0
    read -r result <"$temp/status" && exit "$result"
}

# UEFI firmware and GRUB write to COM1 as well: the command's output begins behind GRUB's last word.
exec_run_uefi() {
    mkfifo "$temp/com1" || exit 1
    cr=$(printf '\r')
    sed "1,/Portolan starts/{/Portolan starts/!d;\$d;N;s/.*\n$cr\{0,1\}//;}" <"$temp/com1" 3<&- &
    filter=$!
    qemu_start >"$temp/com1"
    qemu_wait
    wait "$filter"
}

exec_status() { # QEMU's status -> ours; the kernel leaves through isa-debug-exit with 2n + 1
    case $status in
    33) exit 0 ;;
    124) result=124 ;;
    35) result=1 ;;
    37) result=125 && exec_panic ;;
    0) exec_off && exit 0 || result=125 ;;
    *) result=126 && say "QEMU failed with status $status" && cat "$temp/qemu" >&2 2>/dev/null ;;
    esac
    [ -n "$log" ] || cat "$temp/log" >&2
    exit "$result"
}

exec_off() { # the machine went off or was reset: is that what was asked for?
    grep -q 'Triple fault' "$temp/resets" 2>/dev/null && say "the machine died of a triple fault" && return 1
    case "$rest: $append" in ?*:* | *" after="*) return 0 ;; esac
    say "the machine went off before there was a result"
    return 1
}

exec_panic() { # without --log the whole log follows, with this in it
    say "kernel panic"
    [ -z "$log" ] || sed -n '/panic on processor/,$p' "$log" >&2
}

