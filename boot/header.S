/*
 * What a boot loader looks for in the first 8 KiB of the file (Multiboot) or 32 KiB (Multiboot2).
 *
 * The Multiboot1 header carries address fields, so that a loader which does not read ELF64 (QEMU's -kernel)
 * can start this file; GRUB reads the Multiboot2 header and the ELF program headers.
 */
#define MB1_MAGIC       0x1badb002
#define MB1_PAGE_ALIGN  (1 << 0)        /* modules on page boundaries */
#define MB1_MEMORY      (1 << 1)        /* a memory map, please */
#define MB1_ADDRESSES   (1 << 16)       /* the address fields below are valid */
#define MB1_FLAGS       (MB1_PAGE_ALIGN | MB1_MEMORY | MB1_ADDRESSES)

#define MB2_MAGIC       0xe85250d6
#define MB2_I386        0

    .section .multiboot, "a"
    .balign 8
mb1_header:
    .long MB1_MAGIC
    .long MB1_FLAGS
    .long -(MB1_MAGIC + MB1_FLAGS)
    .long mb1_header                    /* header_addr */
    .long image_start                   /* load_addr */
    .long image_load_end                /* load_end_addr */
    .long image_end                     /* bss_end_addr */
    .long boot_entry                    /* entry_addr */

    .balign 8
mb2_header:
    .long MB2_MAGIC
    .long MB2_I386
    .long mb2_end - mb2_header
    .long -(MB2_MAGIC + MB2_I386 + (mb2_end - mb2_header))

    .short 1, 0                         /* information request, required: command line, modules, memory map */
    .long 8 + 3 * 4
    .long 1, 3, 6
    .balign 8
    .short 5, 1                         /* framebuffer, optional; 0 = no preference for width, height */
    .long 20
    .long 0, 0, 32
    .balign 8
    .short 6, 0                         /* modules on page boundaries */
    .long 8
    .balign 8
    .short 0, 0                         /* end */
    .long 8
mb2_end:

    .section .note.GNU-stack, "", @progbits
