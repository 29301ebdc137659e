#!/usr/bin/python3
"""
Make the corpus of the ACPI tests out of a memory dump of a virtual machine.

    qemu-system-x86_64 -M q35 -m 64 -display none -monitor stdio
    (qemu) pmemsave 0 0x4000000 "q35.mem"                 # when the firmware is done
    python3 corpus.py q35.mem q35

writes corpus/acpi_image/q35.bin (the tables where they were: address (8 bytes), length (4), bytes, repeated;
the first is the RSDP) and corpus/acpi_tables/q35.bin (what fuzz_acpi_tables.c makes tables of).
"""
import os
import struct
import sys

KINDS = [b"APIC", b"FACP", b"MCFG", b"HPET", b"DSDT", b"SSDT"]


def find_rsdp(memory):
    """The newest: UEFI leaves the one that it made its own from in memory."""
    found = []
    at = memory.find(b"RSD PTR ")
    while at >= 0:
        if at % 4 == 0 and sum(memory[at:at + 20]) % 256 == 0:
            found.append((memory[at + 15], at))
        at = memory.find(b"RSD PTR ", at + 1)
    if not found:
        sys.exit("no RSDP in there")
    return max(found)[1]


def table(memory, at):
    length, = struct.unpack_from("<I", memory, at + 4)
    return memory[at:at + length]


def collect(memory):
    rsdp = find_rsdp(memory)
    size = 36 if memory[rsdp + 15] >= 2 else 20
    found = [(rsdp, memory[rsdp:rsdp + size])]
    roots = [struct.unpack_from("<I", memory, rsdp + 16)[0]]
    if size == 36:
        roots.append(struct.unpack_from("<Q", memory, rsdp + 24)[0])
    for root in filter(None, roots):
        data = table(memory, root)
        found.append((root, data))
        form = "<Q" if data[:4] == b"XSDT" else "<I"
        for at, in struct.iter_unpack(form, data[36:]):
            if (at, table(memory, at)) in found:
                continue
            found.append((at, table(memory, at)))
            if memory[at:at + 4] == b"FACP":
                dsdt, = struct.unpack_from("<I", memory, at + 40)
                found.append((dsdt, table(memory, dsdt)))
    return found


def main():
    with open(sys.argv[1], "rb") as f:
        found = collect(f.read())
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
    image = b"".join(struct.pack("<QI", at, len(data)) + data for at, data in found)
    tables = b"".join(struct.pack("<BH", KINDS.index(d[:4]), len(d) - 36) + d[36:] for _, d in found if d[:4] in KINDS)
    for kind, data in ("acpi_image", image), ("acpi_tables", tables):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        with open(os.path.join(folder, kind, sys.argv[2] + ".bin"), "wb") as f:
            f.write(data)
    print(sys.argv[2], [(hex(at), d[:4], len(d)) for at, d in found])


main()
