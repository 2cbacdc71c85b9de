"""The firmware in a VM of 32 bits, as the ESP32 is: small ints end at 2**30, blocks are 16 bytes.

The same check_ files as in the 64-bit VM, but for what needs files, sockets or asyncio.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What is not for this VM: whole check_ files, and single tests.
NEEDS_FILES = {"check_config", "check_fingerprint", "check_forget", "check_wifi"}
NEEDS_ASYNCIO = {"check_supervisor"}
NEEDS_SOCKETS = {"check_payload"}
NOT_HERE = {
    # it reads a file
    "test_the_frames_of_the_specification",
    # a short sleep takes milliseconds
    "test_a_conversion_that_never_ends_is_given_up_within_3_ms",
    # a CRC is a number of 32 bits: that alone may take heap
    "test_an_append_is_one_program_and_takes_no_heap",
    # the test's own clock jumps further than ticks can
    "test_an_element_once_warm_stays_warm_for_weeks",
    "test_following_goes_on_across_the_wrap_and_after_a_week_without_readings",
    "test_it_says_that_it_is_soiled_and_goes_on_measuring",
}
# The test itself has used up the heap, which is never collected here; a locked heap says else.
EXHAUSTED = "MemoryError: memory allocation failed, allocating"

MODULES = sorted(
    {path.stem for path in (ROOT / "tests" / "firmware").glob("check_*.py")}
    - NEEDS_FILES
    - NEEDS_ASYNCIO
    - NEEDS_SOCKETS
)


def test_the_checks_hold_with_31_bit_small_ints():
    """One test: the VM is compiled once, which takes longer than all the checks."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "wasm_checks.py", *MODULES],
        capture_output=True,
        text=True,
        timeout=240,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    tried = {
        (module, test): failure
        for module, test, failure in rows
        if test not in NOT_HERE and EXHAUSTED not in failure
    }
    assert {module for module, _ in tried} == set(MODULES), done.stderr
    failed = [f"{module}: {failure}" for (module, _), failure in tried.items() if failure]
    assert not failed, "\n".join(failed)
