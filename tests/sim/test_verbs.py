"""What a person does at a gateway, live: at the button, at the console, from the desk.

Where a test waits for minutes, time passes SPEED times as fast for gateways and desk.
"""

import itertools
import json
import time
from contextlib import contextmanager

import pytest
from firegrid import wire
from firegrid.mqtt import Client
from live import Live

SPEED = 30
HURRY = 5  # of a gateway that a person stands before
POINT, NUMBER = "smoke-gate", 101
OTHER, OTHER_NUMBER = "smoke-barn", 201
WHO = 17


@pytest.fixture
def speed():
    """How fast time passes; the tests at the button have it pass faster."""
    return 1


@pytest.fixture
def live(speed, tmp_path):
    """Return a yard with one smoke point that is settled."""
    with Live("yard", tmp_path, speed) as started:
        started.until_settled()
        yield started
        settle(started)


def settle(live):
    """Everything that was done is stored, as it was done."""
    live.until_settled()
    live.assert_stored_once()


def raise_alarm(live, point=POINT):
    """Blow smoke until the point is in ALARM."""
    known = len(live.alarms(point))
    live.smoke(point)
    live.until(lambda: len(live.alarms(point)) > known, "an alarm")
    return live.alarms(point)[-1].event


def clean(live, point=POINT):
    """Blow clean air until the detector has read it."""
    live.until_clean(point, live.smoke(point, there=False))


# ---- the button ----


@pytest.mark.parametrize(
    "speed", [HURRY, pytest.param(1, marks=pytest.mark.full)], ids=lambda speed: f"x{speed}"
)
def test_a_short_press_acknowledges_a_long_one_silences_a_held_one_resets(live):
    raise_alarm(live)
    live.until(live.is_sounding, "the sounder")
    live.press(0.4)
    act = live.until_act("acknowledge", "done", 0).act
    assert (act.how, act.person, act.minutes, act.id) == ("button", 0, 0, 0)
    assert live.is_sounding()
    live.press(2)
    assert live.until_act("silence", "done", 0).act.minutes == 10
    live.until(lambda: not live.is_sounding(), "silence")
    live.press(6)
    live.until_act("reset", "refused", NUMBER)
    clean(live)
    live.press(6)
    live.until(lambda: ("reset", "done", 0) in live.acts(), "a reset")
    live.until_act("silence", "ended", 0)
    assert not live.is_sounding()


def test_a_silence_ends_at_the_next_alarm(live):
    raise_alarm(live)
    say(live, "silence", "silence done")
    live.until(lambda: not live.is_sounding(), "silence")
    clean(live)
    raise_alarm(live)  # while the last one is still latched
    live.until(live.is_sounding, "it sounds again")
    live.until_act("silence", "ended", 0)


# ---- the console ----


def say(live, line, answer):
    """Type a line; wait until the console has answered so once more."""
    known = live.board().console().count(answer)
    live.board().type(line)
    live.until(lambda: live.board().console().count(answer) > known, f"the answer {answer!r}")


def test_every_line_of_the_console_is_answered(live):
    say(live, "help", "MINUTES 0 ends it")
    say(live, "ack", "acknowledge done")
    say(live, "silence", "silence refused")
    say(live, "selftest", "self_test done")
    say(live, "bypass 101 30 3 17", "bypass done: 101 smoke: bypassed")
    act = live.until_act("bypass", "done", NUMBER).act
    assert act == wire.Act("bypass", "done", "console", WHO, 3, 30, 0)
    say(live, "status", "bypass 101: ")
    live.until(lambda: bypassed_s(live) > 0, "the state tells of it")
    say(live, "bypass 101 0", "bypass ended")
    say(live, "drill all", "drill done")
    live.until(live.is_sounding, "a drill sounds")
    say(live, "reset", "reset refused: 101 smoke: ALARM drill")
    say(live, "drill all 0", "drill ended")
    live.until(lambda: not live.is_sounding(), "the end of the drill")
    raise_alarm(live)
    say(live, "reset", "reset refused: 101 smoke: ALARM")
    clean(live)
    say(live, "reset", "reset done")


def test_a_console_that_is_not_understood_changes_nothing(live):
    for line, answer in (
        ("rest", "rest is unknown"),
        ("reset 7", "there is no point 7"),
        ("drill", "which point?"),
        ("x" * 300, "longer than 80"),
        ("重置", "重置 is unknown"),
    ):
        say(live, line, answer)
    assert live.acts() == []


def bypassed_s(live):
    states = [
        wire.parse(seen.topic, seen.payload)
        for seen in list(live.tap.seen)
        if seen.topic.endswith("/up/state/1")
    ]
    return next(point for point in states[-1].points if point.point == NUMBER).bypassed_s


# ---- the desk ----


class Orders:
    """Sends commands as a desk does."""

    def __init__(self, live, client):
        self._live = live
        self._client = client
        self._topic = wire.topic(live.site.id, "gw-gate", "down", "command")
        self._count = itertools.count(1)

    def send(self, verb, retain=False, **changes):
        """Send a command; return its id."""
        n = next(self._count)
        expires_s = int(time.time()) + 60
        said = {"id": 1000 + n, "verb": verb, "issuer": WHO, "expires_s": expires_s}
        said |= {"sequence": n, "point": 0} | changes
        self.send_raw(json.dumps(said).encode(), retain)
        return said["id"]

    def send_raw(self, payload, retain=False):
        """Send any bytes; return when the broker has carried them."""
        before = self._carried(payload)
        self._live.until(
            lambda: self._client.publish(self._topic, payload, retain=retain), "it is sent"
        )
        self._live.until(lambda: self._carried(payload) > before, "the broker carries it")

    def _carried(self, payload):
        seen = [(seen.topic, seen.payload) for seen in list(self._live.tap.seen)]
        return seen.count((self._topic, payload))

    def answers(self, command):
        """Return (verb, result, point) of each answer to a command."""
        events = [t.event for t in self._live.taken if t.event.act]
        return [(e.act.verb, e.act.result, e.point) for e in events if e.act.id == command]

    def order(self, verb, **changes):
        """Send a command; return the answer when it is there."""
        command = self.send(verb, **changes)
        return self._live.until(lambda: self.answers(command), f"an answer to {verb}")[0]


def welcomes(live):
    """Return how often a gateway has said that it is online."""
    said = [seen.payload for seen in list(live.tap.seen) if seen.topic.endswith("/up/status")]
    return sum(b"online" in payload for payload in said)


def forget_rubbish(live):
    """What a test itself has sent in vain says nothing against the gateway."""
    live.until(lambda: not live.tap.seen[-1].topic.endswith("down/command"), "what comes after it")
    live.tap.seen[:] = [s for s in live.tap.seen if not s.topic.endswith("down/command")]


@contextmanager
def orders(live):
    client = Client(live.broker.url, "orders", lambda message: None)
    client.start()
    try:
        yield Orders(live, client)
    finally:
        client.stop()


def test_commands_are_answered_once_each_whatever_comes(live):
    with orders(live) as desk:
        assert desk.order("acknowledge") == ("acknowledge", "done", 0)
        assert desk.order("bypass", point=NUMBER, minutes=5, reason=3)[1:] == ("done", NUMBER)
        assert desk.order("bypass", point=NUMBER, minutes=0)[1:] == ("ended", NUMBER)
        assert desk.order("acknowledge", sequence=0)[1] == "refused"
        assert desk.order("acknowledge", expires_s=int(time.time()) - 5)[1] == "expired"
        assert desk.order("bypass", point=999)[1] == "refused"
        raise_alarm(live)
        assert desk.order("reset") == ("reset", "refused", NUMBER)
        for rubbish in (b"", b"{", b"[]", b"\xff\0", b"{}" * 200, b'{"id":1,"verb":"explode"}'):
            desk.send_raw(rubbish)
        twice = desk.send("acknowledge", id=77, sequence=500)
        desk.send("acknowledge", id=77, sequence=501)
        assert desk.order("acknowledge", sequence=502)[1] == "done"
        assert len(desk.answers(twice)) == 1
        assert live.board().console().count("not understood") == 6
        assert all(t.event.act.how == "desk" for t in live.taken if t.event.act)
        forget_rubbish(live)


def test_a_command_that_the_broker_keeps_is_carried_out_once(live):
    with orders(live) as desk:
        kept = desk.send("acknowledge", retain=True)
        live.until(lambda: desk.answers(kept), "an answer")
        before = welcomes(live)
        live.fleet.set_link("gw-gate", False)
        time.sleep(2)  # it looks after its network once a second
        live.fleet.set_link("gw-gate", True)
        live.until(lambda: welcomes(live) > before, "it comes back", 45)
        live.until_settled()
        assert desk.order("acknowledge")[1] == "done"
        assert len(desk.answers(kept)) == 1
        desk.send_raw(b"", retain=True)
        forget_rubbish(live)


# ---- what runs for a time ----


@pytest.mark.full
def test_a_bypass_ends_by_itself_and_the_cause_that_stands_alarms(tmp_path):
    with Live("yard", tmp_path, SPEED) as live:
        live.until_settled()
        say(live, "bypass 101 2", "bypass done")
        live.smoke(POINT)
        began = live.until_act("bypass", "done", NUMBER)
        ended = live.until_act("bypass", "ended", NUMBER)
        assert ended.act.how == "itself"
        assert 120 <= ended.up_s - began.up_s + 1 <= 125
        live.until(live.is_sounding, "the smoke that stands sounds")
        [alarm] = live.alarms(POINT)
        assert alarm.event.mode == "live" and alarm.event.n > ended.n
        settle(live)


@pytest.mark.full
def test_a_walk_test_never_sounds_and_a_real_alarm_elsewhere_does(tmp_path):
    with Live("verbs", tmp_path) as live:
        live.until_settled()
        say(live, "test 101 30", "walk_test done")
        assert raise_alarm(live).mode == "test"
        time.sleep(0.5)
        live.collect()
        assert not live.is_sounding()
        assert raise_alarm(live, OTHER).mode == "live"
        live.until(live.is_sounding, "the real one sounds")
        say(live, "test all 0", "walk_test ended")
        live.until(lambda: live.alarms(POINT)[-1].event.mode == "live", "it alarms again, live")
        settle(live)


def test_a_real_alarm_in_a_drill_is_live(tmp_path):
    with Live("verbs", tmp_path) as live:
        live.until_settled()
        say(live, "drill all", "drill done")
        live.until(live.is_sounding, "a drill sounds")
        live.until(lambda: live.alarms(POINT) and live.alarms(OTHER), "both are in ALARM")
        assert {live.alarms(p)[0].event.mode for p in (POINT, OTHER)} == {"drill"}
        say(live, "silence", "silence done")
        live.until(lambda: not live.is_sounding(), "silence")
        assert raise_alarm(live, OTHER).mode == "live"
        live.until(live.is_sounding, "the real one sounds")
        say(live, "drill all 0", "drill ended")
        live.until_act("drill", "ended", 0)
        assert live.is_sounding()
        settle(live)


# ---- a power cut is no reset ----


def test_after_a_power_cut_the_panel_is_as_it_was_and_what_ran_for_a_moment_has_ended(tmp_path):
    with Live("verbs", tmp_path, HURRY) as live:
        live.until_settled()
        say(live, "bypass 201 30 3 17", "bypass done")
        alarm = raise_alarm(live)
        live.press(0.4)
        live.until_act("acknowledge", "done", 0)
        clean(live)  # latched: its cause is over
        say(live, "silence", "silence done")
        live.until(lambda: not live.is_sounding(), "silence")
        boot = live.cut_power()
        live.until_act("silence", "ended", 0)
        back = [taken.event for taken in live.taken if taken.event.boot == boot.boot]
        acts = [(e.act.verb, e.act.result, e.point, e.act.how) for e in back if e.act]
        assert acts == [
            ("bypass", "done", OTHER_NUMBER, "itself"),
            ("silence", "ended", 0, "itself"),
        ]
        assert 28 <= back[1].act.minutes <= 30
        assert boot.time_quality == "held" and boot.time_s >= alarm.time_s
        live.until(live.is_sounding, "a silence has ended, and the alarm stands")
        say(live, "status", "101 smoke: ALARM")
        say(live, "status", "201 smoke: bypassed")
        assert live.alarms(POINT)[-1].event == alarm, "it has not come again"
        live.smoke(OTHER)
        live.press(6)
        live.until(lambda: ("reset", "done", 0) in live.acts(), "a reset")
        live.until(lambda: not live.is_sounding(), "the end of the alarm")
        assert not live.alarms(OTHER)
        settle(live)


def test_a_walk_test_and_a_drill_have_ended_after_a_power_cut(tmp_path):
    with Live("verbs", tmp_path, HURRY) as live:
        live.until_settled()
        say(live, "test 101 30", "walk_test done")
        raise_alarm(live)
        say(live, "drill 201 10", "drill done")
        live.until(live.is_sounding, "a drill sounds")
        live.smoke(POINT, there=False)
        live.cut_power()
        live.until(lambda: ("drill", "ended", OTHER_NUMBER) in live.acts(), "the drill has ended")
        assert ("walk_test", "ended", NUMBER) in live.acts()
        live.until_settled()
        assert not live.is_sounding()
        assert all(e.event.mode != "live" for p in (POINT, OTHER) for e in live.alarms(p))
        settle(live)
