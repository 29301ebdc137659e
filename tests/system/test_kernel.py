"""The in-kernel tests: each is an item in each configuration; one boot a configuration runs them all."""

import pytest

from conftest import BOOTS, boot_id, kernel_tests

NAMES = kernel_tests()
ITEMS = [pytest.param(boot, name, id=f"{boot_id(boot)}-{name}", marks=pytest.mark.xdist_group(boot_id(boot)))
         for boot in BOOTS for name in NAMES]


def test_the_kernel_has_tests_and_no_name_twice():
    assert NAMES
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("boot,name", ITEMS)
def test_kernel(boot, name, boots):
    report = boots(boot)
    if report.trouble:
        pytest.fail(report.trouble, pytrace=False)
    if name in report.failed:
        pytest.fail("\n".join(report.failed[name]), pytrace=False)
    if name in report.skipped:
        pytest.skip(report.skipped[name])
    assert name in report.passed, "the kernel did not report this test"
