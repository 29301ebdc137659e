"""A person at the serial console: the start, line editing, history, completion, jobs, the end."""

import re

import pytest

from launcher import Machine

PROMPT = r"root@portolan:\S*# (\x1b\[6n)?"
CTRL = {letter: chr(ord(letter) & 0x1f) for letter in "CDKUWZ\\"}
UP, LEFT, HOME, TAB, ERASE = "\x1b[A", "\x1b[D", "\x1b[H", "\t", "\x7f"


class Terminal:
    """Types and looks at what comes back. What is typed is echoed, so tests look for what typing alone does not show."""

    def __init__(self, machine):
        self.machine = machine
        self.at = machine.wait_for(PROMPT, 120)

    def type(self, text):
        self.at = len(self.machine.output)
        self.machine.send(text)

    def see(self, pattern, timeout=60):
        start = self.at
        self.at = self.machine.wait_for(pattern, timeout, start)
        return self.machine.output[start:self.at]

    def start(self, line):
        """A command that goes on. When this returns it runs: keys are neither the line editor's nor the shell's."""
        self.type(f"sh -c 'echo go; {line}'\r")
        self.see(r"\ngo\r\n")

    def answers(self, keys, answer):
        """What is typed, and then Enter, is a command that prints the answer."""
        self.type(keys + "\r")
        self.see(rf"\n{answer}\r\n")
        self.see(PROMPT)

    def run(self, line):
        """What a command prints."""
        self.type(line + "\r")
        self.see(r"\n")
        return re.sub(PROMPT + r"\Z", "", self.see(PROMPT)).replace("\r\n", "\n")


@pytest.fixture
def terminal():
    with Machine("--boot", "kernel", "--append", "quiet") as machine:
        yield Terminal(machine)


def test_the_start_says_what_there_is(terminal):
    start = terminal.machine.output
    assert re.search(r"Portolan \S+\. 2 processors \(.*\), 2\d\d MiB of memory, 2\d\d MiB free\.", start)
    assert re.search(r"Found: .*1 SATA controller", start)
    assert 'Type "tour"' in start


def test_line_editing(terminal):
    terminal.answers("expr 6 \\* 8" + ERASE + "7", "42")
    terminal.answers("xpr 40 + 3" + HOME + "e", "43")
    terminal.answers("expr 40 + 5" + LEFT + ERASE * 2 + "+ ", "45")
    terminal.answers("garbage" + CTRL["U"] + "expr 40 + 6 + junk" + CTRL["W"] + "0", "46")
    terminal.answers("expr 40 + 7 junk" + LEFT * 5 + CTRL["K"], "47")


def test_history(terminal):
    terminal.answers("expr 50 + 1", "51")
    terminal.run("true")
    terminal.answers(UP + UP + "0", "60")
    assert re.search(r"\d expr 50 \+ 10\n", terminal.run("history"))


def test_completion(terminal):
    terminal.type("cat /etc/hostn" + TAB + "\r")
    terminal.see(r"\nportolan\r\n")
    terminal.type("bann" + TAB + "\r")
    terminal.see(r"Found: ")
    terminal.see(PROMPT)
    terminal.type("ls /usr/share/" + TAB + TAB)
    terminal.see(r"help/ +packages/")


def test_ctrl_c_interrupts(terminal):
    terminal.start("exec sleep 1000")
    terminal.type(CTRL["C"])
    terminal.see(PROMPT)
    assert terminal.run("echo status $?") == "status 130\n"
    terminal.start("while :; do :; done")
    terminal.type(CTRL["C"])
    terminal.see(PROMPT)
    terminal.start("yes | cat >/dev/null")
    terminal.type(CTRL["C"])
    terminal.see(PROMPT)
    terminal.type("half a line" + CTRL["C"])
    terminal.see(PROMPT)
    assert terminal.run("echo alive") == "alive\n"


def test_ctrl_z_stops_and_jobs_go_on(terminal):
    terminal.start("exec sleep 1000")
    terminal.type(CTRL["Z"])
    terminal.see(r"Stopped")
    terminal.see(PROMPT)
    assert re.search(r"Stopped .*sleep 1000", terminal.run("jobs"))
    terminal.run("bg")
    assert re.search(r"Running .*sleep 1000", terminal.run("jobs"))
    terminal.type("fg\r")
    terminal.see(r"sleep 1000.\r\n")
    terminal.type(CTRL["C"])
    terminal.see(PROMPT)
    assert terminal.run("jobs") == ""


def test_who_reads_in_the_background_is_stopped(terminal):
    said = terminal.run("cat &")
    for _ in range(100):
        if re.search(r"Stopped \(tty input\) +cat", said):
            break
        said += terminal.run("sleep 0.1")
    else:
        raise AssertionError(said)
    terminal.type("fg\r")
    terminal.see(r"cat\r\n")
    terminal.type("typed\r")
    terminal.see(r"typed\r\ntyped\r\n")
    terminal.type(CTRL["D"])
    terminal.see(PROMPT)


def test_ctrl_d_ends_input_and_then_the_shell_which_starts_anew(terminal):
    terminal.start("wc -c")
    terminal.type("12345\r")
    terminal.type(CTRL["D"])
    terminal.see(r"\n6\r\n")
    terminal.see(PROMPT)
    first = terminal.run("echo shell $$")
    terminal.type(CTRL["D"])
    terminal.see(r'Type "tour"')
    terminal.see(PROMPT)
    again = terminal.run("echo shell $$")
    assert re.fullmatch(r"shell \d+\n", again) and again != first


def test_quit_and_bytes_that_are_no_text(terminal):
    terminal.start("cat; echo status $?")
    terminal.type("ping\r")
    terminal.see(r"ping\r\nping\r\n")  # it reads
    terminal.type(CTRL["\\"])
    terminal.see(r"status 131|Quit")
    terminal.see(PROMPT)
    terminal.answers("\x00\x01\x1b[99;99H\xff" + CTRL["U"] + "expr 40 + 2", "42")
    assert terminal.run("echo alive") == "alive\n"


def test_raw_mode_for_an_editor(terminal):
    terminal.type("vi /tmp/poem\r")
    terminal.see(r"~")
    terminal.type("ifirst line\rsecond")
    terminal.see("second")
    terminal.type("\x1b")
    terminal.see("- /tmp/poem")  # behind a pause: else it might begin a key's sequence
    terminal.type(":s/second/2nd/\r:wq\r")
    terminal.see(PROMPT)
    assert terminal.run("cat /tmp/poem") == "first line\n2nd\n"
    assert "24 80" in terminal.run("stty size; stty rows 24 cols 80; stty size")
    assert "-echo" in terminal.run("stty -echo; stty -a; stty echo")


def test_help_for_a_person(terminal):
    terminal.type("help\r")
    assert re.search(r"^This system\r\n  help ", terminal.see("--More--"), re.M)  # a screen at a time
    terminal.type(" " * 4)
    terminal.see(r"'help --all' names all\.")
    terminal.see(PROMPT)
    assert "Usage: lspci" in terminal.run("help lspci")


@pytest.mark.parametrize("way", ["poweroff", "reboot", "halt"])
def test_the_end(way):
    with Machine("--boot", "kernel", "--append", "quiet") as machine:
        terminal = Terminal(machine)
        terminal.type(way + "\r")
        if way == "reboot":
            machine.wait_for(PROMPT, 120, terminal.at)
        elif way == "poweroff":
            assert machine.wait_end(60) == 0
        else:
            machine.wait_for(r"[Hh]alt", 60, terminal.at)
