"""What a gateway lives through: broker, desk, link, power and its own file may go; events stay.

Where much of a test is waiting, time passes SPEED times as fast for gateways and desk; `make
test-full` does it again in real time. Limits are in the gateways' own seconds.
"""

import os
import signal
import time
from pathlib import Path

import pytest
from firegrid_sim.board import POWER_ON, WATCHDOG
from live import Live

SPEED = 5
SPEEDS = [SPEED, pytest.param(1, marks=pytest.mark.full)]

# Trouble codes, as in host/firegrid/codes.toml.
CONFIG_REFUSED, NO_BROKER, NO_DESK = 20, 21, 22

LINK_TROUBLE_S = 60  # GB/T 45839, EN 54-21: 100 s
DESK_S = 30
RESENT_S = 45  # the time limit for the desk's answer, and the way there
WATCHDOG_S = 15
AWAY_S = 20  # a broker that was killed
SECTOR = 4096
SECTORS = 5  # of a flash partition that is soon full
RING = SECTORS * SECTOR // 32  # more events than it holds

POINTS = ("smoke-gate", "smoke-barn")


@pytest.fixture(params=SPEEDS, ids=lambda speed: f"x{speed}")
def speed(request):
    """How fast the gateways' time passes."""
    return request.param


# ---- the broker ----


def test_nothing_is_lost_when_the_broker_is_killed_and_comes_back(speed, tmp_path):
    with Live("two-gateways", tmp_path, speed) as live:
        raise_alarms(live)
        os.kill(live.broker.pid, signal.SIGKILL)
        raise_alarms(live)
        time.sleep(AWAY_S / speed)
        live.broker.start()
        live.until_settled(RESENT_S)
        raise_alarms(live)
        live.until_settled()
        live.assert_stored_once()
        assert all(len(live.alarms(point)) == 3 for point in POINTS)
        assert all(len(live.boots(name)) == 1 for name in live.fleet.boards)


@pytest.mark.full
def test_a_broker_that_falls_silent_is_noticed_and_everything_comes_when_it_speaks(
    speed, tmp_path
):
    with Live("yard", tmp_path, speed) as live:
        live.until_settled()
        live.stop_broker()
        raise_alarm(live, "smoke-gate")
        live.until(lambda: live.troubles(NO_BROKER), "TROUBLE no_broker", LINK_TROUBLE_S / speed)
        raise_alarm(live, "smoke-gate")
        live.wake_broker()
        live.until(lambda: live.troubles(NO_BROKER, stands=False), "the end of no_broker")
        live.until_settled()
        live.assert_stored_once()


# ---- the desk ----


@pytest.mark.full
def test_a_desk_that_stores_nothing_is_noticed_and_gets_everything_later(speed, tmp_path):
    with Live("yard", tmp_path, speed) as live:
        live.until_settled()
        live.stop_desk()
        raise_alarm(live, "smoke-gate")
        [alarm] = live.alarms("smoke-gate")
        [trouble] = live.until(lambda: live.troubles(NO_DESK), "no_desk", 2 * DESK_S / speed)
        assert DESK_S - 1 <= gateway_s(live, alarm.time_ns, trouble) <= DESK_S + 5 + speed
        time.sleep(5 / speed)  # what the gateway has sent again is gone, too
        live.start_desk()
        live.until(lambda: live.troubles(NO_DESK, stands=False), "the end of no_desk", RESENT_S)
        live.until_settled()
        live.assert_stored_once()
        assert not live.troubles(NO_BROKER)


# ---- the gateway itself ----


def test_after_a_power_cut_it_counts_its_start_and_goes_on_in_its_journal(speed, tmp_path):
    with Live("yard", tmp_path, speed) as live:
        raise_alarm(live, "smoke-gate")
        live.until_settled()
        live.until(live.heads, "a state")
        last = live.taken[-1].event
        boot = live.cut_power()
        assert (boot.boot, boot.value) == (2, POWER_ON) and boot.n > last.n
        raise_alarm(live, "smoke-gate")
        live.until_settled()
        live.assert_stored_once()
        head = live.until(lambda: [h for h in live.heads() if h["boot"] == 2], "a state")[0]
        assert head["reset_cause"] == "power_on"
        assert head["epoch"] == live.heads()[0]["epoch"]


def test_what_was_raised_without_a_link_is_sent_after_a_power_cut(speed, tmp_path):
    with Live("yard", tmp_path, speed) as live:
        live.until_settled()
        live.fleet.set_link("gw-gate", False)
        raise_alarm(live, "smoke-gate")
        live.until(lambda: len(live.missing()) >= 3, "an alarm, an act and its end wait")
        live.cut_power()
        raise_alarm(live, "smoke-gate")
        live.cut_power()
        live.fleet.set_link("gw-gate", True)
        live.until_settled(RESENT_S)
        live.assert_stored_once()
        assert len(live.alarms("smoke-gate")) == 2


def test_a_gateway_that_hangs_is_reset_by_its_watchdog_and_says_so(speed, tmp_path):
    with Live("yard", tmp_path, speed) as live:
        live.until_settled()
        began_ns = time.time_ns()
        os.kill(live.board().pid, signal.SIGSTOP)
        live.until(lambda: live.board().resets[WATCHDOG], "its watchdog resets it")
        assert (time.time_ns() - began_ns) / 1e9 <= WATCHDOG_S / speed + 2
        [boot] = live.until(lambda: live.boots()[1:], "it boots again")
        assert (boot.event.boot, boot.event.value) == (2, WATCHDOG)
        live.until(lambda: live.heads()[-1]["reset_cause"] == "watchdog", "a state says why")
        live.until_settled()
        live.assert_stored_once()


@pytest.mark.full
def test_a_full_journal_drops_the_oldest_and_says_how_many(tmp_path):
    board = tmp_path / "boards" / "gw-gate"
    board.mkdir(parents=True)
    (board / "partition-events.bin").write_bytes(b"\xff" * (SECTORS * SECTOR))
    with Live("nervous", tmp_path) as live:
        live.until_settled()
        live.until(lambda: live.heads()[-1]["events_stored"] == 2, "the gateway knows it, too")
        stored = live.stored()
        live.fleet.set_link("gw-gate", False)
        raise_many(live, RING + 40)
        live.until(lambda: live.troubles(NO_BROKER), "no_broker")  # its end is one event more
        live.fleet.set_link("gw-gate", True)
        live.until(live.is_confirmed, "what is left is stored")
        lost = live.missing()
        raised = [taken.event for taken in live.taken if taken.event not in stored]
        assert len(lost) >= 40
        assert lost == set(raised[: len(lost)])
        live.assert_stored_once(lost)
        live.until(lambda: lost_in_state(live) >= len(lost), "the state counts them")
        assert lost_told(live) >= len(lost)


def raise_many(live, count):
    """Let all hydrants lose pressure and get it back, until so many events were raised."""
    hydrants = [point.id for point in live.site.points]
    enough = len(live.taken) + count
    kpa = 300.0
    while len(live.taken) < enough:
        kpa = 350.0 - kpa
        raised = len(live.taken) + len(hydrants)
        for hydrant in hydrants:
            live.fleet.drive(hydrant, "pressure_kpa", kpa)
        live.until(lambda n=raised: len(live.taken) >= n, "all hydrants say so")


def lost_told(live):
    """Return how many events the gateway has told that it lost."""
    return sum(taken.event.value for taken in live.taken if taken.event.event == "lost")


def lost_in_state(live):
    """Return how many events it has lost as its last state says."""
    return live.heads()[-1]["events_lost"]


# ---- its configuration ----


@pytest.mark.full
def test_a_configuration_that_is_cut_off_is_refused_and_the_last_good_one_used(tmp_path):
    with Live("yard", tmp_path) as live:
        live.until_settled()
        path = live.config_path()
        whole = path.read_bytes()
        for size in cuts(whole):
            path.write_bytes(whole[:size])
            live.cut_power()
            live.until(lambda: is_refused(live), f"{size} of {len(whole)} bytes are refused")
            raise_alarm(live, "smoke-gate")
        live.until_settled()
        live.assert_stored_once()


def is_refused(live):
    """Return whether the configuration was refused at the last start."""
    boot = live.boots()[-1].event.boot
    return any(t.event.boot == boot for t in live.troubles(CONFIG_REFUSED))


def cuts(whole):
    """Return where to cut: at the very start, in a line, after a line, before the last brace."""
    lines = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    return (0, lines[0] // 2, lines[0] + 1, lines[-2] + 1, len(whole) - 2)


@pytest.mark.full
def test_without_any_configuration_it_says_so_and_stays_up(tmp_path):
    with Live("two-gateways", tmp_path, SPEED) as live:
        live.until_settled()
        for name, broken in (("gw-gate", Path.unlink), ("gw-barn", cut_in_half)):
            for path in live.config_path(name).parent.iterdir():
                broken(path)
            live.cut_power(name)
        live.until(lambda: len(live.troubles(CONFIG_REFUSED)) == 2, "TROUBLE config_refused")
        time.sleep(1.5 * WATCHDOG_S / SPEED)
        live.collect()
        for name, board in live.fleet.boards.items():
            assert board.resets == {POWER_ON: 1}, name
        assert len(live.troubles(CONFIG_REFUSED)) == 2


def cut_in_half(path):
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# ---- help ----


def raise_alarms(live):
    """Raise one alarm on every gateway."""
    for point in POINTS:
        raise_alarm(live, point)


def raise_alarm(live, point):
    """Raise one alarm, clear and reset it: three events."""
    before = len(live.alarms(point))
    live.smoke(point)
    live.until(lambda: len(live.alarms(point)) > before, f"{point} is in ALARM")
    live.clear(point)


def gateway_s(live, from_ns, taken):
    """Return the seconds on the gateway's clock until an event was taken."""
    return (taken.time_ns - from_ns) / 1e9 * live.speed
