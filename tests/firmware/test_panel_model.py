"""No order of verbs stops a new activation from sounding: every state of a small model, tried."""

import re

import pytest
from vm import HAL, ROOT, run_vm

HERE = ROOT / "tests" / "firmware"
PATH = f"{HERE}:{ROOT / 'firmware'}:{HAL}"


@pytest.mark.parametrize(
    ("size", "states", "transitions"),
    [
        ("small", 6_482, 229_753),
        pytest.param("whole", 17_760, 664_028, marks=pytest.mark.full),
    ],
)
def test_every_state_that_verbs_readings_and_time_can_reach_is_sound(size, states, transitions):
    done = run_vm(HERE / "panel_model.py", size, heap="256M", timeout_s=600, MICROPYPATH=PATH)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    print(done.stdout)
    found = re.fullmatch(r"states (\d+) transitions (\d+)\n", done.stdout)
    assert (int(found[1]), int(found[2])) == (states, transitions), done.stdout


def wander(seed, steps):
    """Let anything happen in any order; return how many alarms and acts there were."""
    done = run_vm(
        *(HERE / "panel_random.py", seed, steps), heap="8M", timeout_s=600, MICROPYPATH=PATH
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = re.fullmatch(r"steps (\d+) alarms (\d+) acts (\d+)\n", done.stdout)
    assert int(found[1]) == steps
    return int(found[2]), int(found[3])


@pytest.mark.parametrize("seed", range(1, 4))
def test_readings_verbs_and_times_in_any_order_lose_no_alarm_and_invent_none(seed):
    alarms, acts = wander(seed, 5_000)
    assert alarms > 50 and acts > 100


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 120))
def test_nor_do_longer_lives(seed):
    wander(seed, 100_000)
