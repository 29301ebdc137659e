"""QEMU's own door (QMP): commands, and the events it tells of."""

import json
import socket
import time


class Qmp:
    """A connection to the socket of `-qmp unix:PATH,server=on,wait=off`. Use as a context. Every wait has a bound."""

    def __init__(self, path, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            try:
                self.socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.socket.close()
                assert time.monotonic() < deadline, f"QEMU does not open {path}"
                time.sleep(0.05)
        self.lines = self.socket.makefile("rw")
        self.lines.readline()  # the greeting
        self.events = []
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.lines.close()
        self.socket.close()

    def command(self, name, **arguments):
        """Its answer. What happens meanwhile is kept for event()."""
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while "return" not in (answer := json.loads(self.lines.readline())):
            assert "error" not in answer, f"{name} {arguments}: {answer}"
            self.events.append(answer)
        return answer["return"]

    def event(self, name, **data):
        """Until QEMU has told of it, with these data."""
        seen = 0
        while True:
            for e in self.events[seen:]:
                if e.get("event") == name and data.items() <= e.get("data", {}).items():
                    return e
            seen = len(self.events)
            self.events.append(json.loads(self.lines.readline()))


def option(path):
    """What the launcher's --qemu is to hold."""
    return f"-qmp unix:{path},server=on,wait=off"
