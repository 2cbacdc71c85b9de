"""`firegrid console`: frames, what a port says, a person's mistakes.

tests/sim/test_serial_console.py goes on with the firmware that ships.
"""

import contextlib
import os
import pty
import subprocess
import sys
import termios
import threading
import tty

import pytest
from click.testing import CliRunner
from firegrid import cli, improv
from firegrid.errors import FiregridError
from firegrid.improv import Frame, Frames, frame, give_wifi
from hypothesis import given
from hypothesis import strategies as st
from installer import until
from vm import ROOT

VECTORS = [
    line.split(" | ")
    for line in (ROOT / "tests" / "golden" / "improv.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def console(*arguments, typed=""):
    return CliRunner().invoke(cli.main, ["console", *map(str, arguments)], input=typed)


# ---- frames ----


def test_the_frames_of_the_specification():
    assert len(VECTORS) == 7
    for kind, data, whole in VECTORS:
        made = frame(int(kind), bytes.fromhex(data))
        assert made == bytes.fromhex(whole)
        assert list(Frames().feed(made)) == [(int(kind), bytes.fromhex(data))]


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=255))), st.integers(1, 50))
def test_frames_are_found_between_whatever_else_is_printed(parts, piece):
    parts = [(text.replace(b"I", b""), data) for text, data in parts]
    sent = b"".join(text + frame(4, data) for text, data in parts)
    frames = Frames()
    pieces = [sent[at : at + piece] for at in range(0, len(sent), piece)]
    found = [one for part in pieces for one in frames.feed(part)]
    assert found == [Frame(4, data) for _, data in parts]


@given(st.binary())
def test_noise_is_no_frame_and_no_error(noise):
    list(Frames().feed(noise))


def test_a_broken_frame_is_left_out_and_the_next_is_found():
    good = frame(1, b"\x02")
    assert list(Frames().feed(good[:-1] + b"\0" + good)) == [(1, b"\x02")]


# ---- a conversation ----


class FakeGateway:
    """Answers as the specification has it; `says` are its answers to credentials."""

    def __init__(self, *says, awake_after=0, name="gw-shops"):
        self.says = list(says)
        self.heard = []
        self._asleep = awake_after
        self._out = b"booting\r\n"
        self._frames = Frames()
        self._name = name

    def read(self):
        out, self._out = self._out, b""
        return out

    def write(self, data):
        for said in self._frames.feed(data):
            assert said.kind == 3 and said.data[1] == len(said.data) - 2
            self._hear(said.data[0], said.data[2:])

    def _hear(self, command, data):
        if self._asleep:
            self._asleep -= 1
        elif command == 2:
            self._out += frame(1, b"\x04") + b"\n" + frame(4, b"\x02\0") + b"\n"
        elif command == 3:
            words = [b"firegrid", b"0.1.0", b"ESP32", self._name.encode()]
            told = b"".join(bytes([len(word)]) + word for word in words)
            self._out += b"some line\r\n" + frame(4, bytes([3, len(told)]) + told) + b"\n"
        else:
            self.heard.append(data)
            self._out += frame(2, b"\0") + frame(1, b"\x03") + b"".join(self.says.pop(0))


KEPT = (frame(1, b"\x04"), frame(4, b"\x01\0"))


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(improv, "ANSWER_S", 0.05)
    monkeypatch.setattr(improv, "QUIET_S", 0.01)
    monkeypatch.setattr(improv, "JOIN_S", 0.1)


def test_a_network_that_is_joined_is_told():
    gateway, told = FakeGateway(KEPT), []
    said = give_wifi(gateway, "Street 街", "12345678", told.append)
    assert said.startswith("gw-shops has joined Street 街 and keeps it")
    assert told == ["gw-shops tries Street 街, for up to 30 s"]
    assert gateway.heard == [b"\x0aStreet \xe8\xa1\x97\x0812345678"]


def test_a_gateway_that_is_still_starting_is_asked_again():
    assert "gw-shops" in give_wifi(FakeGateway(KEPT, awake_after=3), "a", "", str)


def test_a_frame_that_the_line_has_broken_is_sent_again():
    gateway = FakeGateway((frame(2, b"\x01"),), KEPT)
    assert "has joined" in give_wifi(gateway, "a", "", str)
    assert len(gateway.heard) == 2


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(frame(2, b"\x03"),)], "gw-shops could not join a in 30 s, and goes back"),
        ([(frame(2, b"\xff"),)], "Improv error 0xff"),
        ([(frame(2, b"\x01"),)] * 2, "could not read what it was told"),
        ([()], "has not answered for"),
        ([(frame(1, b"\x04"),)], "has not answered for"),
    ],
)
def test_what_goes_wrong_is_told_in_words(answers, words):
    with pytest.raises(FiregridError, match=words):
        give_wifi(FakeGateway(*answers), "a", "", str)


def test_where_nobody_answers_it_is_told():
    with pytest.raises(FiregridError, match="no gateway answers at this port"):
        give_wifi(FakeGateway(awake_after=100), "a", "", str)


@pytest.mark.parametrize("ssid", ["", "s" * 33, "街" * 11])
def test_a_name_that_no_network_has_is_refused(ssid):
    with pytest.raises(FiregridError, match="1 to 32 bytes"):
        give_wifi(FakeGateway(), ssid, "", str)


def test_a_name_that_would_change_the_screen_is_not_shown():
    assert give_wifi(FakeGateway(KEPT, name="\x1b[2J"), "a", "", str).startswith("the gateway has")


# ---- the command ----


class Echo:
    """A port whose other end says what `answer` makes of what it is sent."""

    def __init__(self, answer=bytes.upper):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        self._answer = answer

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.close(self._slave)
        self._thread.join()

    def _run(self):
        with contextlib.suppress(OSError):  # the port is closed
            while sent := os.read(self.master, 100):
                os.write(self.master, self._answer(sent))
        os.close(self.master)


def test_lines_are_sent_and_answers_shown():
    with Echo() as echo:
        done = console("--port", echo.port, "--seconds", "0.5", typed="status\nack 1")
    assert (done.exit_code, done.stdout) == (0, "STATUS\nACK 1\n"), done.output


def test_noise_on_the_line_is_no_order_to_the_terminal():
    noise = b"\x1b[2J\xff\x07gr\xc3\xbcn\r\n\ttab\n"
    with Echo(lambda sent: noise) as echo:
        done = console("--port", echo.port, "--seconds", "0.5", typed="x\n")
    assert done.stdout == "[2J\N{REPLACEMENT CHARACTER}grün\n\ttab\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--port", "/dev/no-such-port"], 1, "this port is not there"),
        (["--port", "/dev/null"], 1, "this port cannot be opened"),
        ([], 2, "Missing option '--port'"),
        (["--port", "p", "--open"], 2, "belong to --wifi"),
        (["--port", "p", "--wifi", "a", "--key-file", __file__, "--open"], 2, "name one of them"),
        (["--port", "p", "--wifi", "a", "--key-file", __file__], 1, "this is no key of a Wi-Fi"),
        (["--port", "p", "--wifi", "a", "--key-file", "nowhere"], 2, "nowhere"),
        (["--port", "/dev/no-such-port", "--wifi", "a", "--open"], 1, "is not there"),
    ],
)
def test_a_wrong_call_is_told(arguments, code, words):
    done = console(*arguments)
    assert done.exit_code == code and words in done.output, done.output
    assert "Traceback" not in done.output


def test_a_key_is_typed_and_not_shown():
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "firegrid", "console", "--port", "/dev/no-such-port"]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with subprocess.Popen(
        [*command, "--wifi", "Street"], start_new_session=True, **streams
    ) as one:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 1000):
                shown += part
                if shown.endswith(b"Street: "):
                    until(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO)
                    os.write(ours, b"short\n")
    os.close(ours)
    assert one.returncode == 1 and b"Key of the network Street" in shown, shown
    assert b"it has 5 characters" in shown and b"short" not in shown


def test_a_line_that_breaks_is_told():
    master, slave = pty.openpty()
    port = os.ttyname(slave)
    threading.Timer(0.5, lambda: (os.close(slave), os.close(master))).start()
    done = console("--port", port, "--seconds", "20")
    assert done.exit_code == 1 and "the line broke" in done.output, done.output
