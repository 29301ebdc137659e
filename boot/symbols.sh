#!/bin/sh
# nm -n on standard input -> the kernel's symbol table as assembly: names of functions by address.
# Layout as kernel/cpu/symbols.c reads it: count, addresses (offsets from text_start), name offsets, names.
awk '
BEGIN { n = at = 0 }
$3 == "text_start" { base = $1; next }
$2 ~ /^[tT]$/ && $3 != "text_end" && base != "" && $1 != last {
    last = $1
    address[n] = $1
    name[n++] = $3
}
END {
    print "    .section .symbols, \"a\"\n    .balign 4\n    .globl symbol_table\nsymbol_table:"
    print "    .long " n + 0
    for (i = 0; i < n; i++) print "    .long 0x" address[i] " - 0x" base
    for (i = 0; i < n; i++) { print "    .long " at + 0; at += length(name[i]) + 1 }
    for (i = 0; i < n; i++) print "    .asciz \"" name[i] "\""
    print "    .section .note.GNU-stack, \"\", @progbits"
}'
