"""The launcher as the tests use it: nothing here starts QEMU in any other way."""

import codecs
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "portolan"
BUILD = ROOT / os.environ.get("BUILD", "build")


def environment(changes):
    env = {k: v for k, v in os.environ.items() if k != "PORTOLAN_VARIANT"}
    env["PORTOLAN_DEMO"] = "no"  # the demonstration disks are one run's at a time; test_demo.py has its own
    env.update({k: str(v) for k, v in changes.items()})
    return env


def portolan(*args, timeout=300, cwd=None, shell="sh", binary=False, **env):
    """Run the launcher to its end: a CompletedProcess with text (bytes that are no UTF-8 are replaced), or with bytes."""
    text = {} if binary else {"encoding": "utf-8", "errors": "replace"}
    return subprocess.run([shell, str(LAUNCHER), *map(str, args)], cwd=cwd, env=environment(env),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, **text)


def dry_run(verb, *args, **env):
    """The words of the QEMU command that the launcher would start."""
    done = portolan(verb, "--dry-run", *args, **env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, done.stdout
    return shlex.split(done.stdout)


def values(words, option):
    """The value of each `option` in a command."""
    return [words[i + 1] for i, word in enumerate(words[:-1]) if word == option]


def tail(text, lines=40):
    return "\n".join(text.splitlines()[-lines:])


class Machine:
    """`portolan run` with its terminal in our hands. Use as a context: whatever happens, it ends."""

    def __init__(self, *args, **env):
        self.output = ""
        self.changed = threading.Condition()
        self.process = subprocess.Popen([str(LAUNCHER), "run", *map(str, args)], env=environment(env),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.reader.join(5)
        self.process.stdin.close()

    def _read(self):
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode  # a character may come in two blocks
        while block := os.read(self.process.stdout.fileno(), 65536):
            with self.changed:
                self.output += decode(block)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()
        self.process.stdout.close()

    def wait_for(self, pattern, timeout=120, start=0):
        """Until the output from `start` on matches; returns where the match ends."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                if match := re.compile(pattern).search(self.output, start):
                    return match.end()
                left = deadline - time.monotonic()
                assert left > 0, f"no '{pattern}' within {timeout} s:\n{tail(self.output)}"
                assert self.reader.is_alive(), f"it ended without '{pattern}':\n{tail(self.output)}"
                self.changed.wait(min(left, 1))

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_end(self, timeout=60):
        """Until the launcher ends by itself; returns its status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{tail(self.output)}") from None

    def quit(self):
        self.send("\x01x")
        return self.wait_end(20)
