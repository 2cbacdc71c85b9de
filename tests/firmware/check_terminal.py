"""The terminal: whole lines are carried out, whatever bytes come; noise harms nothing."""

import io
import sys
from random import getrandbits, seed

import terminal
from lib.verbs import ACKNOWLEDGE, DONE
from terminal import LINE_MAX, Terminal

from fake_gateway import Bench
from fakes import FakeTime


class Keyboard:
    """A stream and its poll in one: there is something as long as bytes are left."""

    def __init__(self):
        self.typed = b""
        self.at_end = False

    def poll(self, timeout_ms):
        assert timeout_ms == 0, "nobody may wait"
        return [(self, 1)] if self.typed or self.at_end else []

    def read(self, count):
        read, self.typed = self.typed[:count], self.typed[count:]
        return read


def terminal_with(keyboard):
    bench = Bench()
    made = Terminal(bench.operation, FakeTime(), io.BytesIO())
    made._stream = made._poll = keyboard
    return bench, made


def carried_out(*pieces):
    """Type bytes piece by piece, a step after each; return the acts."""
    keyboard = Keyboard()
    bench, made = terminal_with(keyboard)
    for piece in pieces:
        keyboard.typed += piece
        for _ in range(1 + len(piece) // 64):
            made.step()
    return bench.recorder.acts()


def test_a_line_is_carried_out_when_it_ends():
    assert carried_out(b"ack") == []
    for end in (b"\n", b"\r", b"\r\n"):
        assert carried_out(b"ack" + end) == [(ACKNOWLEDGE, DONE, 0)]


def test_a_line_may_come_byte_by_byte_and_two_at_once():
    assert carried_out(b"a", b"c", b"k", b" 1", b"\n") == [(ACKNOWLEDGE, DONE, 1)]
    assert len(carried_out(b"ack 1\nack 2\n")) == 2


def test_a_line_that_is_too_long_is_not_carried_out_and_the_next_is():
    ack = b"ack" + b" " * (LINE_MAX - 3)
    assert len(carried_out(ack + b"\n", b"")) == 1
    assert carried_out(ack + b" \n", b"") == []
    assert len(carried_out(b"ack" + b" " * 5000 + b"\n", b"ack\n", b"")) == 1


def test_at_the_end_of_the_input_it_waits():
    keyboard = Keyboard()
    keyboard.at_end = True
    bench, made = terminal_with(keyboard)
    made.step()
    assert bench.told == []


def test_a_flood_is_taken_a_little_at_a_time():
    keyboard = Keyboard()
    _, made = terminal_with(keyboard)
    keyboard.typed = b"\n" * 5000
    made.step()
    assert 4900 < len(keyboard.typed) < 5000


def test_random_bytes_raise_nothing():
    seed(3)
    noise = bytes(getrandbits(8) for _ in range(20_000))
    carried_out(*[noise[at : at + 64] for at in range(0, len(noise), 64)])
    assert carried_out(b"\xff\xfe ack\n", b"ack\0\n", b"\xe4\xb8\n") == []


def test_the_console_is_in_memory_only_while_it_answers():
    assert len(carried_out(b"ack\n")) == 1
    assert "console" not in sys.modules and hasattr(terminal, "Terminal")
