"""The button: how long it is pressed says what is meant; a glitch means nothing."""

from time import ticks_add

from controls import LOOK_MS, PRESS_MS, TICK_MS, Controls
from lib.verbs import ACKNOWLEDGE, BUTTON, RESET, SILENCE

from fakes import FakeTime

STEP_MS = 20


class FakeButton:
    level = 1

    def value(self):
        return self.level


class FakeOperation:
    def __init__(self):
        self.acts = []
        self.tended = 0

    def act(self, verb, point, minutes, author):
        assert point is minutes is None and author == (BUTTON, 0, 0, 0), author
        self.acts.append(verb)

    def tend(self, now_ms):
        self.tended += 1


def press(*spans_ms):
    """Let the button be free, pressed, free … for so long; return [(at_ms, verb)]."""
    button, operation, clock = FakeButton(), FakeOperation(), FakeTime()
    controls = Controls(button, None, operation, clock)
    seen = []
    at_ms = 0
    for nth, span_ms in enumerate(spans_ms):
        button.level = (nth + 1) % 2
        for _ in range(0, span_ms, STEP_MS):
            controls.step(ticks_add(clock.ms(), at_ms))
            seen += [(at_ms, verb) for verb in operation.acts]
            operation.acts.clear()
            at_ms += STEP_MS
    assert operation.tended == at_ms // STEP_MS
    return seen


def verbs(*spans_ms):
    return [verb for _, verb in press(*spans_ms)]


def test_a_short_press_acknowledges_when_it_ends():
    assert press(100, 400, 500) == [(100 + 400 + PRESS_MS, ACKNOWLEDGE)]


def test_a_press_that_could_not_be_carried_out_is_tried_again_as_what_it_was():
    class Full(FakeOperation):
        def act(self, verb, point, minutes, author):
            super().act(verb, point, minutes, author)
            if len(self.acts) == 1:
                raise MemoryError

    button, operation, clock = FakeButton(), Full(), FakeTime()
    controls = Controls(button, None, operation, clock)
    failed = 0
    for at_ms in range(0, 4000, STEP_MS):
        button.level = 0 if 100 <= at_ms < 1000 else 1
        if failed and at_ms < failed + 500:  # the supervisor's pause: nobody looks
            continue
        try:
            controls.step(ticks_add(clock.ms(), at_ms))
        except MemoryError:
            failed = at_ms
    assert failed and operation.acts == [ACKNOWLEDGE, ACKNOWLEDGE]


def test_a_long_press_silences_for_the_usual_time_when_it_ends():
    assert press(100, 2000, 500) == [(100 + 2000 + PRESS_MS, SILENCE)]


def test_a_press_of_5_s_resets_while_it_is_held_and_does_nothing_more():
    assert press(100, 60_000, 500) == [(100 + PRESS_MS + 5000, RESET)]


def test_both_sides_of_each_limit():
    for span_ms, expected in (
        (PRESS_MS, []), (PRESS_MS + 50, [ACKNOWLEDGE]), (950, [ACKNOWLEDGE]), (1000, [SILENCE]),
        (4950, [SILENCE]), (5000, [RESET]),
    ):  # fmt: skip
        assert verbs(100, span_ms, 500) == expected, span_ms


def test_each_press_counts():
    assert verbs(100, 300, 300, 300, 300, 6000, 300, 1500, 300) == [
        ACKNOWLEDGE, ACKNOWLEDGE, RESET, SILENCE,
    ]  # fmt: skip


def test_a_contact_that_bounces_is_one_press():
    assert verbs(100, 50, 50, 50, 50, 1500, 50, 50, 500) == [SILENCE]


def test_a_button_that_is_stuck_from_the_start_resets_once():
    assert verbs(0, 600_000) == [RESET]


def test_a_pressed_button_is_looked_at_more_often():
    button, clock = FakeButton(), FakeTime()
    controls = Controls(button, None, FakeOperation(), clock)
    assert controls.step(clock.ms()) == LOOK_MS
    button.level = 0
    assert controls.step(ticks_add(clock.ms(), 100)) == TICK_MS
