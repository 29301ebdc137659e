"""The tree: static checks, every build, the tests of pure code on the host."""

import os
import subprocess

import pytest

from launcher import BUILD, ROOT, environment, tail

FUZZ_RUNS = 5000


def make(*args, **env):
    return subprocess.run(["make", "-C", ROOT, "--no-print-directory", *map(str, args)], env=environment(env),
                          capture_output=True, text=True, timeout=900)


def made_list(target):
    done = make("-s", target, f"BUILD={os.path.relpath(BUILD, ROOT)}")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def names(paths):
    return [os.path.basename(path) for path in paths]


def run_ok(*command):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True,
                          timeout=600)
    assert done.returncode == 0, tail(done.stdout + done.stderr)


HOST_TESTS = made_list("host-test-list")
HOST_FUZZ = made_list("host-fuzz-list")


def test_lint():
    done = make("lint")
    assert done.returncode == 0, tail(done.stdout + done.stderr)


@pytest.mark.parametrize("variant", ["release", "debug"])
def test_builds_with_clang(variant, tmp_path):
    done = make(f"BUILD={tmp_path}", "CC=clang", *(["DEBUG=1"] if variant == "debug" else []))
    assert done.returncode == 0, tail(done.stdout + done.stderr)
    assert (tmp_path / variant / "portolan.elf").exists()


@pytest.mark.parametrize("variant", ["release", "debug"])
def test_a_second_build_has_nothing_to_do(variant, tmp_path):
    """With gcc, from nothing; then again."""
    args = [f"BUILD={tmp_path}", *(["DEBUG=1"] if variant == "debug" else [])]
    first = make(*args)
    assert first.returncode == 0, tail(first.stdout + first.stderr)
    again = make(*args)
    assert again.returncode == 0
    assert " -c " not in again.stdout, tail(again.stdout)


@pytest.mark.parametrize("binary", HOST_TESTS, ids=names(HOST_TESTS))
def test_host(binary):
    run_ok(binary)


@pytest.mark.parametrize("binary", HOST_FUZZ, ids=names(HOST_FUZZ))
def test_fuzz(binary):
    run_ok("sh", "tests/host/fuzz.sh", binary, FUZZ_RUNS)


def test_there_are_host_tests():
    assert HOST_TESTS and HOST_FUZZ


def test_coverage():
    """gcov in the kernel: its counters come out whole, and say that the tests reach the code."""
    done = make("coverage", f"BUILD={os.path.relpath(BUILD, ROOT)}")
    assert done.returncode == 0, tail(done.stdout + done.stderr)
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.startswith("kernel/")}
    _, total, reached, *_ = lines["kernel/sync/timer.c"]
    assert int(total) > 50 and int(reached) > int(total) * 0.9, lines["kernel/sync/timer.c"]
