"""Writes corpus/scan: machines from which the fuzzer of the scan starts. Run by hand when fuzz_scan.c changes its form."""

import struct
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus" / "scan"


def function(bus, device, number, offset, data, writable=0xff, reset=0):
    return struct.pack("<BBBHBBB", bus, device, number, offset, len(data), writable, reset) + bytes(data)


def header(kind, command=3, caps=0, bars=(), class_code=0x010601, buses=(0, 0, 0), line=11):
    h = bytearray(0x40)
    struct.pack_into("<HHHHI", h, 0, 0x1b36, 1, command, 0x10 if caps else 0, class_code << 8)
    h[0x0e] = kind
    for i, bar in enumerate(bars):
        struct.pack_into("<I", h, 0x10 + 4 * i, bar)
    if kind & 1:
        h[0x18:0x1b] = bytes(buses)
        struct.pack_into("<BBHHHH", h, 0x1c, 0xc0, 0xd0, 0, 0xfe80, 0xfe90, 0)
    h[0x34], h[0x3c], h[0x3d] = caps, line, 1
    return h


MSI = bytes((0x05, 0x60, 0x86, 1)) + bytes(20)
MSIX = bytes((0x11, 0x80, 7, 0)) + struct.pack("<II", 0, 0x800)
PCIE = bytes((0x10, 0xc0, 2, 0)) + struct.pack("<I", 1 << 28) + bytes(52)
PM = bytes((0x01, 0, 3, 0, 3, 0, 0, 0))
AF = bytes((0x13, 0x40, 6, 3, 0, 0))
FULL = ((0x40, MSI), (0x60, MSIX), (0x80, PCIE), (0xc0, PM))


def device(bus, slot, number=0, kind=0, caps=FULL, reset=0, **more):
    out = function(bus, slot, number, 0, header(kind, caps=caps[0][0] if caps else 0, **more), reset=reset)
    for offset, data in caps:
        out += function(bus, slot, number, offset, data, reset=reset)
    return out


def bridge(bus, slot, secondary, subordinate):
    return device(bus, slot, kind=1, caps=(), buses=(bus, secondary, subordinate), class_code=0x060400)


MACHINES = {
    "tree": bridge(0, 1, 1, 3) + bridge(1, 0, 2, 2) + bridge(1, 1, 3, 3) + device(2, 0) + device(3, 0),
    "expander": device(0, 0) + device(0x40, 0) + bridge(0x40, 1, 0x41, 0x42) + device(0x41, 31),
    "functions": device(0, 2, kind=0x80) + device(0, 2, 1) + device(0, 2, 7),
    "reset": device(0, 2, reset=0x89) + device(0, 3, caps=((0x40, AF),), reset=0x45),
    "bars": device(0, 2, bars=(0xfeb00000, 0xc001, 0xfe00000c, 0, 0x4, 1)),
    "lies": bridge(0, 1, 1, 0xff) + bridge(1, 1, 1, 1) + bridge(1, 2, 0, 3) + bridge(0, 2, 5, 4),
    "extended": device(0, 2) + function(0, 2, 0, 0x100, struct.pack("<I", 0x14010001)) +
                function(0, 2, 0, 0x140, struct.pack("<I", 0x10010003)),
}

CORPUS.mkdir(parents=True, exist_ok=True)
for name, machine in MACHINES.items():
    (CORPUS / name).write_bytes(bytes(4) + machine)
(CORPUS / "loop").write_bytes(bytes((1, 0, 2, 0)) + bridge(0, 1, 1, 2))
