"""Commands from the desk: each carried out at most once and answered once; rubbish is not."""

import json
from random import getrandbits, seed

from commands import BYTES_MAX, UNREAD, take
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    DESK,
    DONE,
    ENDED,
    EXPIRED,
    REFUSED,
    RESET,
    SILENCE,
    WALK_TEST,
)

from fake_gateway import BURNING, Bench

NOW_S = 1_767_225_600


def command(**changes):
    said = {
        "id": 7, "verb": "acknowledge", "issuer": 17, "expires_s": NOW_S + 60, "sequence": 1,
        "point": 0,
    }  # fmt: skip
    said.update(changes)
    return {key: value for key, value in said.items() if value != "left out"}


class Desk:
    """Sends commands to a gateway of two points."""

    def __init__(self):
        self.bench = Bench()
        self.told = self.bench.told
        self.heard = []

    def send(self, **changes):
        """Send a command; return the acts (verb, result, point) that it led to."""
        return self.send_raw(json.dumps(command(**changes)).encode())

    def send_raw(self, payload):
        before = len(self.bench.recorder.acts())
        take(memoryview(payload), self.heard, self.bench.operation)
        return self.bench.recorder.acts()[before:]


def test_a_command_is_carried_out_and_answered_with_who_why_and_its_id():
    desk = Desk()
    assert desk.send(verb="bypass", point=2, minutes=30, reason=3) == [(BYPASS, DONE, 2)]
    assert desk.told == [("act", BYPASS, DONE, 2, 30, (DESK, 17, 3, 7))]
    assert desk.bench.point(2).bypassed


def test_minutes_and_reason_may_be_left_out():
    desk = Desk()
    desk.send(verb="walk_test")
    assert desk.told == [("act", WALK_TEST, DONE, 0, 30, (DESK, 17, 0, 7))]


def test_0_minutes_end_what_runs():
    desk = Desk()
    desk.send(verb="bypass", point=1)
    assert desk.send(verb="bypass", point=1, minutes=0, id=8, sequence=2) == [(BYPASS, ENDED, 1)]


def test_a_verb_can_be_refused_and_says_so_once():
    desk = Desk()
    desk.bench.feed(p1=BURNING)
    assert desk.send(verb="reset") == [(RESET, REFUSED, 1)]
    assert desk.send(verb="silence", id=8, sequence=2) == [(SILENCE, DONE, 0)]


def test_what_comes_twice_is_carried_out_and_answered_once():
    desk = Desk()
    assert desk.send() == [(ACKNOWLEDGE, DONE, 0)]
    for _ in range(3):
        assert desk.send() == []
    for n in range(8, 15):  # seven others: the first is still known
        desk.send(id=n, sequence=n)
    assert desk.send(sequence=99) == []


def test_an_old_sequence_is_refused():
    desk = Desk()
    assert desk.send(sequence=0) == [(ACKNOWLEDGE, DONE, 0)]
    assert desk.send(id=8, sequence=5) == [(ACKNOWLEDGE, DONE, 0)]
    for n, sequence in enumerate((0, 4, 5)):
        assert desk.send(id=20 + n, sequence=sequence) == [(ACKNOWLEDGE, REFUSED, 0)], sequence
    assert desk.send(id=30, sequence=6) == [(ACKNOWLEDGE, DONE, 0)]


def test_what_was_not_carried_out_does_not_count_as_a_sequence():
    desk = Desk()
    desk.send(sequence=100, expires_s=NOW_S)
    desk.send(id=8, sequence=100, point=99)
    assert desk.send(id=9, sequence=1) == [(ACKNOWLEDGE, DONE, 0)]


def test_a_command_expires():
    for expires_s, expected in ((NOW_S + 1, DONE), (NOW_S, EXPIRED), (1, EXPIRED)):
        desk = Desk()
        assert desk.send(expires_s=expires_s) == [(ACKNOWLEDGE, expected, 0)], expires_s


def test_without_a_clock_every_command_is_refused():
    desk = Desk()
    desk.bench.clock.unix_s = 0
    assert desk.send() == [(ACKNOWLEDGE, REFUSED, 0)]


def test_an_unknown_point_is_refused():
    desk = Desk()
    assert desk.send(verb="bypass", point=99) == [(BYPASS, REFUSED, 0)]
    assert desk.bench.panel.disabled == 0


def test_what_cannot_be_read_is_counted_and_changes_nothing():
    desk = Desk()
    broken = [
        command(**changes)
        for changes in (
            {"id": "left out"}, {"id": 0}, {"id": -1}, {"id": 1 << 32}, {"id": "7"}, {"id": None},
            {"id": 7.0}, {"id": True}, {"id": [7]}, {"id": {}},
            {"verb": "left out"}, {"verb": ""}, {"verb": "Reset"}, {"verb": 3}, {"verb": None},
            {"verb": ["reset"]}, {"verb": "reset\0"},
            {"issuer": "left out"}, {"issuer": 0}, {"issuer": 16384}, {"issuer": "me"},
            {"expires_s": "left out"}, {"expires_s": 0}, {"expires_s": 1e300}, {"expires_s": None},
            {"sequence": "left out"}, {"sequence": -1}, {"sequence": 1 << 32},
            {"point": "left out"}, {"point": 65536}, {"point": -1}, {"point": "1"},
            {"minutes": 1}, {"minutes": None}, {"verb": "bypass", "minutes": 4321},
            {"verb": "silence", "minutes": -1}, {"verb": "drill", "minutes": 0.5},
            {"reason": 8}, {"reason": -1}, {"reason": "cleaning"}, {"reason": None},
        )
    ]  # fmt: skip
    payloads = [json.dumps(said).encode() for said in broken]
    whole = json.dumps(command()).encode()
    payloads += [
        b"", b" ", b"{", b"}", b"null", b"true", b"7", b"[]", b'"reset"', b"{}", b"[" * 256,
        b'{"a":' * 50, b"\xff\xfe\x00", b'{"id":7', b'{"verb":"\xff"}', whole[:-1], whole + b"x",
        b"[" + whole + b"]", whole + b" " * BYTES_MAX, b"\0" * 256, b'{[]:1}', b"{1:2}",
    ]  # fmt: skip
    for n, payload in enumerate(payloads):
        assert desk.send_raw(payload) == [], payload
        assert desk.heard[UNREAD] == n + 1, payload
    assert desk.told == []
    assert desk.send() == [(ACKNOWLEDGE, DONE, 0)], "the next one is heard"


def test_broken_bytes_raise_nothing():
    desk = Desk()
    seed(26)
    whole = json.dumps(command(verb="bypass", point=1, minutes=30, reason=3)).encode()
    for _ in range(4000):
        payload = bytearray(whole)
        for _ in range(1 + getrandbits(2)):
            payload[getrandbits(16) % len(payload)] = getrandbits(8)
        assert len(desk.send_raw(payload)) <= 1, payload


def test_the_longest_command_is_read():
    said = json.dumps(command()).encode()
    assert Desk().send_raw(said + b" " * (BYTES_MAX - len(said))) == [(ACKNOWLEDGE, DONE, 0)]
