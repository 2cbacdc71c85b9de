"""The reset button: one act for each press, and none for a glitch."""

from time import ticks_add

from controls import PRESS_MS, RESET, Controls
from lib import record

START = ticks_add(0, -300)


class FakeButton:
    level = 1

    def value(self):
        return self.level


class FakePanel:
    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1
        return [("point", 1)]


class FakeOutputs:
    followed = 0

    def follow(self, now_ms):
        self.followed += 1


class FakeRecorder:
    def __init__(self):
        self.said = []

    def note(self, event, code=0):
        self.said.append((event, code))

    def condition(self, point, changed):
        self.said.append((point, changed))


def press(levels, step_ms=50):
    """Feed a level every step_ms; return the panel, the outputs and the recorder."""
    button, panel, outputs, recorder = FakeButton(), FakePanel(), FakeOutputs(), FakeRecorder()
    controls = Controls(button, panel, outputs, recorder, None)
    for step, level in enumerate(levels):
        button.level = level
        controls.step(ticks_add(START, step * step_ms))
    return panel, outputs, recorder


def test_a_press_resets_once_however_long_it_lasts():
    panel, outputs, recorder = press([1] + [0] * 100)
    assert panel.resets == 1 and outputs.followed == 1
    assert recorder.said == [(record.ACT, RESET), ("point", 1)]


def test_a_glitch_is_no_press():
    panel, _, recorder = press([0] * (PRESS_MS // 50) + [1] * 5)
    assert panel.resets == 0 and recorder.said == []


def test_two_presses_are_two_resets():
    panel, _, _ = press([1] + [0] * 5 + [1] * 5 + [0] * 5)
    assert panel.resets == 2
