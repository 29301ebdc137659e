    .section .rodata
    .globl font_file, font_file_end
font_file:
    .incbin "console-font.psf"
font_file_end:

    .section .note.GNU-stack, "", @progbits
