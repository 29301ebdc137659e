"""What the kernel finds on the PCI buses (option pcidump) is what QEMU says it has put there (QMP query-pci)."""

import re

import pytest

import qmp
from launcher import Machine

FUNCTION = re.compile(r"pcidump: function (?P<at>\S+) id (?P<id>\S+) subsystem \S+ class (?P<class>\w+) revision \w+ "
                      r"header (?P<header>\d) pin (?P<pin>\d) line")
BRIDGE = re.compile(r"pcidump: bridge (?P<at>\S+) buses (?P<buses>.*)")
BAR = re.compile(r"pcidump: bar (?P<at>\S+) (?P<bar>\d) (?P<kind>ports|memory) (?P<address>\w+) (?P<size>\w+)"
                 r"(?P<wide> wide)?(?P<prefetch> prefetch)?\s*$")
UNASSIGNED = (0, -1, 0xFFFFFFFFFFFFFFFF)
ROM = 6  # QEMU tells its address only while it is switched on


def many(count, bus, first_slot):
    """Functions of multi-function devices on a bus, 8 a slot: the last ones of a slot come with gaps."""
    words = []
    for n in range(count):
        slot, function = first_slot + n // 7, (n % 7) + (1 if n % 7 > 3 else 0)
        words.append(f"-device edu,bus={bus},addr={slot:#x}.{function}" + (",multifunction=on" if function == 0 else ""))
    return words


# Root ports, a switch with two ports below, a second root bus (pxb-pcie), a bridge to old PCI with one below it.
EXPRESS = " ".join([
    "-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=8.0,multifunction=on",
    "-device pcie-root-port,id=rp2,chassis=1,slot=2,addr=8.1",
    "-device pcie-root-port,id=rp3,chassis=1,slot=3,addr=8.2",
    "-device x3130-upstream,id=up,bus=rp1",
    "-device xio3130-downstream,id=down1,bus=up,chassis=2,slot=1",
    "-device xio3130-downstream,id=down2,bus=up,chassis=2,slot=2",
    "-device e1000e,bus=down1,romfile=", "-device nvme,serial=below-a-switch,bus=down2",
    "-device pcie-pci-bridge,id=old,bus=rp2", "-device pci-bridge,id=older,bus=old,chassis_nr=9,addr=1",
    "-device e1000,bus=older,addr=3,romfile=", *many(7, "older", 5),
    "-device pxb-pcie,id=pxb,bus=pcie.0,bus_nr=80", "-device pcie-root-port,id=rp4,bus=pxb,chassis=3,slot=1",
    "-device nvme,serial=other-root,bus=rp4", *many(21, "pcie.0", 0x10),
])

# Bridges below bridges.
OLD = " ".join([
    "-device pci-bridge,id=b1,chassis_nr=1,addr=10", "-device pci-bridge,id=b2,bus=b1,chassis_nr=2,addr=2",
    "-device pci-bridge,id=b3,bus=b2,chassis_nr=3,addr=4", "-device pxb,id=pxb,bus_nr=64",
    "-device e1000,bus=b3,addr=1,romfile=", "-device am53c974,bus=pxb,addr=3",
    *many(14, "b2", 8), *many(21, "pci.0", 0x14),
])


def qemu_functions(devices, found):
    """query-pci's tree as {address: facts}."""
    for d in devices:
        at = f"0000:{d['bus']:02x}:{d['slot']:02x}.{d['function']:x}"
        bars = {(r["bar"], "ports" if r["type"] == "io" else "memory", r["address"], r["size"],
                 r.get("mem_type_64", False), r.get("prefetch", False))
                for r in d["regions"] if r["bar"] != ROM and r["address"] not in UNASSIGNED}
        bridge = d.get("pci_bridge")
        buses = bridge and " ".join(f"{bridge['bus'][k]:02x}" for k in ("number", "secondary", "subordinate"))
        found[at] = {"id": f"{d['id']['vendor']:04x}:{d['id']['device']:04x}", "class": f"{d['class_info']['class']:04x}",
                     "bars": bars, "buses": buses, "pin": d["irq_pin"]}
        if bridge:
            qemu_functions(bridge.get("devices", []), found)
    return found


def kernel_functions(log):
    found = {m["at"]: {"id": m["id"], "class": m["class"][:4], "bars": set(), "buses": None, "pin": int(m["pin"])}
             for m in FUNCTION.finditer(log)}
    for m in BRIDGE.finditer(log):
        found[m["at"]]["buses"] = m["buses"].strip()
    for line in log.splitlines():
        if (m := BAR.search(line)) and int(m["address"], 16) and int(m["bar"]) != ROM:
            found[m["at"]]["bars"].add((int(m["bar"]), m["kind"], int(m["address"], 16), int(m["size"], 16),
                                        bool(m["wide"]), bool(m["prefetch"])))
    return found


@pytest.mark.parametrize("machine, firmware, devices", [
    pytest.param("q35", "bios", EXPRESS, id="express-bios"), pytest.param("q35", "uefi", EXPRESS, id="express-uefi"),
    pytest.param("pc", "bios", OLD, id="pci-bios"), pytest.param("pc", "uefi", OLD, id="pci-uefi")])
def test_the_topology_is_qemus(machine, firmware, devices, tmp_path):
    path = tmp_path / "qmp"
    with Machine("--machine", machine, "--firmware", firmware, "--append", "pcidump",
                 "--qemu", f"{devices} {qmp.option(path)}") as m:
        m.wait_for(r"pcidump: end \w+", timeout=240)
        there = {}
        with qmp.Qmp(path) as q:
            for bus in q.command("query-pci"):
                qemu_functions(bus["devices"], there)
        here = kernel_functions(m.output)
    assert len(there) >= 40
    assert sorted(here) == sorted(there)
    for at, facts in there.items():
        assert here[at] == facts, at
