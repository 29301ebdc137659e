"""
For gdb, sourced by ./portolan debug: a driver's symbols when it is loaded, and requests as one reads them.

A driver's image is found by its name: among the files in PORTOLAN_SYMBOLS (a list between colons), each with DWARF in it.
"""

import os

import gdb

IMAGE_BASE_AT = 0x30  # of the PE32+ optional header: ImageBase


def link_address(path):
    """ImageBase of a PE32+ file (Microsoft PE/COFF, section Optional Header)."""
    with open(path, "rb") as f:
        head = f.read(4096)
    pe = int.from_bytes(head[0x3c:0x40], "little")
    return int.from_bytes(head[pe + IMAGE_BASE_AT:pe + IMAGE_BASE_AT + 8], "little")


def symbol_file(name):
    for path in filter(None, os.environ.get("PORTOLAN_SYMBOLS", "").split(":")):
        if os.path.basename(path).lower() in (name.lower(), name.lower() + ".debug") and os.path.exists(path):
            return path
    return None


class DriverStarts(gdb.Breakpoint):
    """Before its DriverEntry is called: from here on breakpoints in it can be set, and those that wait for it are."""

    def __init__(self):
        super().__init__("driver_start", internal=True)
        self.silent = True

    def stop(self):
        driver = gdb.selected_frame().read_var("d")
        name, image = driver["name"].string(), int(driver["image"])
        path = symbol_file(name)
        if path:
            gdb.execute(f"add-symbol-file {path} -o {image - link_address(path):#x}", to_string=True)
            print(f"{name}: symbols from {path}, image at {image:#x}")
        else:
            print(f"{name}: no symbols; image at {image:#x}")
        return False


SCSI = {0x00: "TEST UNIT READY", 0x03: "REQUEST SENSE", 0x12: "INQUIRY", 0x1a: "MODE SENSE(6)", 0x1b: "START STOP UNIT",
        0x25: "READ CAPACITY(10)", 0x28: "READ(10)", 0x2a: "WRITE(10)", 0x35: "SYNCHRONIZE CACHE(10)", 0x42: "UNMAP",
        0x88: "READ(16)", 0x8a: "WRITE(16)", 0x9e: "READ CAPACITY(16)", 0xa0: "REPORT LUNS"}
SRB_STATUS = ["PENDING", "SUCCESS", "ABORTED", "ABORT_FAILED", "ERROR", "BUSY", "INVALID_REQUEST", "INVALID_PATH_ID", "NO_DEVICE",
              "TIMEOUT", "SELECTION_TIMEOUT", "COMMAND_TIMEOUT", "", "MESSAGE_REJECTED", "BUS_RESET", "PARITY_ERROR"]
SRB_FUNCTION = {0x00: "EXECUTE_SCSI", 0x02: "IO_CONTROL", 0x07: "SHUTDOWN", 0x08: "FLUSH", 0x10: "ABORT_COMMAND", 0x12: "RESET_BUS",
                0x13: "RESET_DEVICE", 0x14: "TERMINATE_IO", 0x20: "RESET_LOGICAL_UNIT"}
IRB_FUNCTION = {0x100: "ATA_COMMAND", 0x101: "ATA_IDENTIFY", 0x102: "ATA_READ", 0x103: "ATA_WRITE", 0x104: "ATA_FLUSH", 0x105: "ATA_SMART",
                0x200: "ATAPI_COMMAND", 0x201: "REQUEST_SENSE", 0x401: "ADAPTER_FLUSH", 0x402: "SHUTDOWN", 0x403: "POWER_CHANGE",
                0x404: "LUN_RESET"}
IRB_STATUS = ["PENDING", "SUCCESS", "DATALENGTH_MISMATCH", "DEVICE_ERROR", "INVALID_REQUEST", "BUS_RESET", "SELECTION_TIMEOUT", "BUSY"]


def named(table, value):
    name = table.get(value) if isinstance(table, dict) else table[value] if value < len(table) else None
    return name or f"{value:#04x}"


def cdb_text(cdb, length):
    data = bytes(int(cdb[i]) for i in range(length))
    if not data:
        return "no CDB"
    text = named(SCSI, data[0])
    if data[0] in (0x28, 0x2a) and length >= 10:
        text += f" block {int.from_bytes(data[2:6], 'big')}, {int.from_bytes(data[7:9], 'big')} blocks"
    elif data[0] in (0x88, 0x8a) and length >= 16:
        text += f" block {int.from_bytes(data[2:10], 'big')}, {int.from_bytes(data[10:14], 'big')} blocks"
    return f"{text} [{data.hex(' ')}]"


class Request:
    """One line that says what it is, then all members."""

    def __init__(self, value):
        self.value = value

    def children(self):
        for field in self.value.type.fields():
            if field.name:
                yield field.name, self.value[field]

    def number(self, name):
        return int(self.value[name])


class Srb(Request):
    def to_string(self):
        n = self.number
        return (f"SRB {named(SRB_FUNCTION, n('Function'))} {n('PathId')}:{n('TargetId')}:{n('Lun')} "
                f"{cdb_text(self.value['Cdb'], min(n('CdbLength'), 16))}, {n('DataTransferLength')} bytes, "
                f"{named(SRB_STATUS, n('SrbStatus') & 0x3f)}")


class Irb(Request):
    def to_string(self):
        n = self.number
        function = n("Function")
        text = f"IRB {named(IRB_FUNCTION, function)} {n('Channel')}:{n('TargetId')}:{n('Lun')} "
        if function & 0x200:
            text += cdb_text(self.value["Cdb"], min(n("CdbLength"), 16))
        else:
            now, before = self.value["IdeTaskFile"]["Current"], self.value["IdeTaskFile"]["Previous"]
            wide = n("IrbFlags") & 8
            lba = int(now["bSectorNumberReg"]) | int(now["bCylLowReg"]) << 8 | int(now["bCylHighReg"]) << 16
            if wide:
                lba |= (int(before["bSectorNumberReg"]) | int(before["bCylLowReg"]) << 8 | int(before["bCylHighReg"]) << 16) << 24
            else:
                lba |= (int(now["bDriveHeadReg"]) & 15) << 24
            text += f"command {int(now['bCommandReg']):#04x} LBA {lba}"
        return f"{text}, {n('DataTransferLength')} bytes, {named(IRB_STATUS, n('IrbStatus') & 0x0f)}"


PRINTERS = {"_SCSI_REQUEST_BLOCK": Srb, "SCSI_REQUEST_BLOCK": Srb, "_IDE_REQUEST_BLOCK": Irb, "IDE_REQUEST_BLOCK": Irb}


def printer(value):
    kind = value.type.strip_typedefs().unqualified()
    return PRINTERS[kind.tag](value) if kind.tag in PRINTERS else None


gdb.pretty_printers.append(printer)
gdb.execute("set breakpoint pending on")
gdb.execute("set print pretty on")
gdb.execute("set confirm off")
DriverStarts()
