"""The terminal: whole lines are carried out, and Improv's frames between them, whatever bytes
come; noise harms nothing."""

import io
import sys
from random import getrandbits, seed

import terminal
from lib.forget import forget
from lib.improv import frame
from lib.verbs import ACKNOWLEDGE, DONE
from terminal import LINE_MAX, Terminal

from fake_gateway import Bench

forget("improv", "lib.improv")  # the terminal loads them
FRAME_MS = 2000
GET_INFO = frame(3, b"\x03\x00")


class FakeBoard:
    wlan = None

    def has_network(self):
        return False


ABOUT = (FakeBoard(), {"wifi_ssid": "", "wifi_key": ""})


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
    bench.operation.said = 'firegrid {"firmware": "0.1.0", "gateway": "gw-shops"}'
    made = Terminal(bench.operation, ABOUT, io.BytesIO())
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


# ---- Improv ----


class Screen:
    """What Improv's answers are written to, in place of the console."""

    def __init__(self):
        self.frames = 0

    def write(self, data):
        assert data[:6] == b"IMPROV" and data[-1] == 10
        self.frames += 1


def asked(*pieces):
    """Type bytes as `carried_out` does; return acts, count of answers, steps until all is
    forgotten."""
    keyboard, screen = Keyboard(), Screen()
    bench, made = terminal_with(keyboard)
    made._about = ABOUT + (screen,)
    for piece in pieces:
        keyboard.typed += piece
        while keyboard.typed:
            made.step()
    steps = 0
    while "improv" in sys.modules:
        bench.clock.pass_ms(100)
        made.step()
        steps += 1
    assert "lib.improv" not in sys.modules
    return bench.recorder.acts(), screen.frames, steps


def test_a_frame_is_answered_and_what_did_it_is_forgotten():
    acts, answers, steps = asked(GET_INFO + b"\n")
    assert (acts, answers, steps) == ([], 1, 1)
    assert asked(*[GET_INFO[at : at + 1] for at in range(len(GET_INFO))])[1] == 1


def test_what_does_a_frame_and_what_does_a_line_are_never_in_memory_together():
    keyboard, screen = Keyboard(), Screen()
    bench, made = terminal_with(keyboard)
    made._about = ABOUT + (screen,)
    act, loaded = bench.operation.act, []

    def acted(*given):
        loaded.append("improv" in sys.modules)
        return act(*given)

    bench.operation.act = acted
    keyboard.typed = GET_INFO + b"\nack\n"
    made.step()
    assert loaded == [False] and screen.frames == 1


def test_lines_before_between_and_after_frames_are_carried_out():
    acts, answers, _ = asked(b"ack 1\n", GET_INFO + b"\nack 2\r\n" + GET_INFO, b"\nack\n")
    assert acts == [(ACKNOWLEDGE, DONE, 1), (ACKNOWLEDGE, DONE, 2), (ACKNOWLEDGE, DONE, 0)]
    assert answers == 2


def test_newlines_and_ctrl_c_in_a_frame_are_part_of_it():
    for data in (b"\x0a\x00", b"\x0d\x00", b"\x03\x03\n\x03\r"):
        acts, answers, _ = asked(frame(3, data), b"\nack\n")
        assert acts == [(ACKNOWLEDGE, DONE, 0)] and answers == 1, data


def test_noise_before_a_frame_on_its_line_is_dropped():
    assert asked(b"\x00\xffIMPRO" + GET_INFO + b"\n")[:2] == ([], 1)


def test_a_broken_frame_is_answered_and_the_next_line_counts():
    assert asked(GET_INFO[:-1] + b"\x00\nack\n")[:2] == ([(ACKNOWLEDGE, DONE, 0)], 1)


def test_a_frame_that_does_not_end_is_given_up_and_the_next_line_counts():
    keyboard, screen = Keyboard(), Screen()
    bench, made = terminal_with(keyboard)
    made._about = ABOUT + (screen,)
    keyboard.typed = GET_INFO[:-2]
    for _ in range(FRAME_MS // 100 + 2):
        made.step()
        bench.clock.pass_ms(100)
    assert screen.frames == 1 and "improv" not in sys.modules
    keyboard.typed = b"\nack\n"
    made.step()
    assert bench.recorder.acts() == [(ACKNOWLEDGE, DONE, 0)]


def test_random_bytes_around_marks_raise_nothing():
    seed(4)
    pieces = []
    for _ in range(40):
        noise = bytes(getrandbits(8) for _ in range(getrandbits(5)))
        pieces.append(noise + b"IMPROV" + noise[:9] + b"\x01\x03")
    asked(*pieces)


def stops(*pieces):
    try:
        carried_out(*pieces)
    except KeyboardInterrupt:
        return True
    return False


SILENCE = (b"",) * 4


def test_ctrl_c_alone_in_a_line_after_a_silence_stops_the_gateway():
    assert stops(b"\r\x03\r\x01") and stops(b"\r", b"\x03", b"\r")
    assert stops(b"ack\n", *SILENCE, b"\r\x03\r")
    assert stops(b"\x03ac\xff", *SILENCE, b"\r\x03\r")


def test_ctrl_c_in_noise_is_noise():
    for noise in (b"\x03", b"\x03\n", b"\x03\r\x03\r", b"\n\x03\r", b"\r\x03\n\r", b"\x03" * 90):
        assert not stops(noise), noise
        assert not stops(b"\xff" + noise), noise
    assert not stops(b"\xff\r\x03\r")
    assert not stops(b"\xff", *SILENCE[1:], b"\r\x03\r")
    assert carried_out(b"\x03ack\n", b"ack \x03\n", b"\x03") == []
