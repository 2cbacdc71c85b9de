"""The firmware in a VM of 32 bits, as the ESP32 is: small ints end at 2**30, blocks are 16 bytes.

The same check_ files as in the 64-bit VM, but for what needs files, sockets or asyncio.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What is not for this VM: whole check_ files, and single tests.
NEEDS_FILES = {"check_config", "check_fingerprint", "check_forget"}
NEEDS_ASYNCIO = {"check_supervisor"}
NOT_HERE = {
    # more than the whole heap, without a collection
    "test_any_bytes_behind_the_question_are_survived",
    "test_no_bytes_at_all_lead_to_anything_but_a_packet_error",
    "test_it_follows_the_curve_within_a_sixth_of_a_degree",
    "test_the_cycle_may_begin_at_any_phase_and_across_the_wrap_of_the_ticks",
    "test_a_lost_bias_is_open_short_or_saturated",
    # a short sleep takes milliseconds
    "test_a_conversion_that_never_ends_is_given_up_within_3_ms",
    # the test's own clock jumps further than ticks can
    "test_an_element_once_warm_stays_warm_for_weeks",
}

MODULES = sorted(
    {path.stem for path in (ROOT / "tests" / "firmware").glob("check_*.py")}
    - NEEDS_FILES
    - NEEDS_ASYNCIO
)


@pytest.fixture(scope="module")
def results():
    """Every test's failure by (module, test); the VM is compiled once."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "wasm_checks.py", *MODULES],
        capture_output=True,
        text=True,
        timeout=240,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows, done.stderr
    return {(module, test): failure for module, test, failure in rows}


@pytest.mark.parametrize("module", MODULES)
def test_the_checks_hold_with_31_bit_small_ints(results, module):
    found = {test: failure for (name, test), failure in results.items() if name == module}
    assert found, f"no result of {module}"
    failed = [failure for test, failure in found.items() if failure and test not in NOT_HERE]
    assert not failed, "\n".join(failed)
