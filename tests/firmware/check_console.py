"""The console: what a person types, what happens, and what is answered."""

from console import answer
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    CONSOLE,
    DONE,
    DRILL,
    ENDED,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    WALK_TEST,
)

from fake_gateway import BURNING, Bench

LINE_MAX = 80


def say(bench, line):
    return answer(line.encode(), LINE_MAX, bench.operation, bench.clock)


def test_every_line_does_its_verb():
    for line, point, expected, said in (
        ("ack", 0, ACKNOWLEDGE, "acknowledge done"),
        ("ack 2", 2, ACKNOWLEDGE, "acknowledge done: 2 smoke: normal, 0 mA"),
        ("reset", 0, RESET, "reset done"),
        ("reset 1", 1, RESET, "reset done: 1 smoke: normal, 0 mA"),
        ("bypass 1", 1, BYPASS, "bypass done: 1 smoke: bypassed, 0 mA"),
        ("test 1", 1, WALK_TEST, "walk_test done: 1 smoke: test, 0 mA"),
        ("test all 5", 0, WALK_TEST, "walk_test done"),
        ("drill all", 0, DRILL, "drill done"),
        ("drill 2 60", 2, DRILL, "drill done: 2 smoke: ALARM drill, 0 mA"),
        ("  selftest  ", 0, SELF_TEST, "self_test done"),
    ):
        bench = Bench()
        bench.feed()
        assert say(bench, line) == said, line
        assert bench.recorder.acts() == [(expected, DONE, point)], line


def test_minutes_reason_and_person_are_told():
    bench = Bench()
    say(bench, "bypass 1 30 3 17")
    say(bench, "bypass 2")
    assert bench.told == [
        ("act", BYPASS, DONE, 1, 30, (CONSOLE, 17, 3, 0)),
        ("act", BYPASS, DONE, 2, 240, (CONSOLE, 0, 0, 0)),
    ]


def test_0_minutes_end_it():
    bench = Bench()
    say(bench, "bypass 1")
    say(bench, "test 2")
    say(bench, "bypass 1 0")
    assert say(bench, "test all 0") == "walk_test ended"
    assert say(bench, "drill all 0") == "drill refused"
    assert bench.recorder.acts()[2:] == [
        (BYPASS, ENDED, 1),
        (WALK_TEST, ENDED, 0),
        (DRILL, REFUSED, 0),
    ]


def test_a_refused_reset_names_the_point():
    bench = Bench()
    bench.feed(p2=BURNING)
    assert say(bench, "reset") == "reset refused: 2 smoke: ALARM, 20 mA"
    assert say(bench, "silence 31").startswith("not done: minutes 31")
    assert say(bench, "silence") == "silence done"
    assert bench.recorder.acts()[1:] == [(SILENCE, DONE, 0)]


def test_the_status_says_what_is_not_normal_and_what_runs():
    bench = Bench()
    bench.feed()
    assert say(bench, "status") == "2 points, all normal"
    bench.feed(2100, p1=BURNING, p2=None)
    say(bench, "silence 2")
    bench.clock.pass_ms(30_000)
    bench.panel.gateway.trouble(21, True)
    assert say(bench, "status").split("\n") == [
        "0 gateway: TROUBLE, code 21",
        "1 smoke: ALARM, 20 mA",
        "2 smoke: TROUBLE, code 2",
        "first alarm: 1",
        "silence all: 90 s left",
    ]


def test_help_names_every_word():
    told = say(Bench(), "help")
    for word in ("status", "ack", "silence", "reset", "bypass", "test", "drill", "selftest"):
        assert "\n" + word in "\n" + told, word
    assert max(len(line) for line in told.split("\n")) <= 80


def test_what_is_not_understood_is_answered_and_does_nothing():
    bench = Bench()
    for line, part in (
        ("resett", "resett is unknown"),
        ("RESET", "RESET is unknown"),
        ("reset 99", "there is no point 99"),
        ("reset x", "point x is no whole number of 0..65535"),
        ("reset -1", "point -1"),
        ("reset 65536", "65536"),
        ("reset 1 2", "too many words"),
        ("reset all", "point all"),
        ("bypass", "which point?"),
        ("bypass all", "point all"),
        ("bypass 1 4321", "minutes 4321 is no whole number of 0..4320"),
        ("bypass 1 30 8", "reason 8"),
        ("bypass 1 30 1 16384", "person 16384"),
        ("bypass 1 30 1 7 9", "too many words"),
        ("drill", "which point?"),
        ("drill all 61", "minutes 61"),
        ("test 1 " + "9" * 60, "minutes 9"),
        ("test 1 1e1", "minutes 1e1"),
        ("selftest 1", "too many words"),
        ("重置", "重置 is unknown"),
        ("x" * 81, "longer than 80 characters"),
    ):
        said = say(bench, line)
        assert said.startswith("not done: ") and part in said, (line, said)
        assert said.endswith("; type help"), said
    assert bench.told == []
    for line in (b"\xff\xff", b"\xe4\xb8", b"ack\0", b"\x1b[A"):
        assert answer(line, LINE_MAX, bench.operation, bench.clock).startswith("not done: "), line
    assert answer(b"   ", LINE_MAX, bench.operation, bench.clock) == ""
    assert bench.told == []
