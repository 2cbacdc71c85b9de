"""Improv: frames are taken apart, networks tried before they are kept; whatever comes raises
nothing."""

import errno
import io
from random import getrandbits, seed

import wifi
from improv import Improv
from lib.improv import Frame, command, frame, network, result

from fakes import FakeTime

VECTORS = __file__.rsplit("/", 2)[0] + "/golden/improv.txt"
STATE, ERROR, COMMAND, RESULT = 1, 2, 3, 4
SEND_WIFI, GET_STATE, GET_INFO, GET_NETWORKS = 1, 2, 3, 4
READY, PROVISIONING, PROVISIONED = 2, 3, 4
NO_ERROR, INVALID, UNKNOWN_COMMAND, UNABLE, FAILED = 0, 1, 2, 3, 0xFF
STEP_MS = 100
TRY_MS, FRAME_MS = 30_000, 2000
LEAVING_MS = 300  # the chip is in the old network for so long after disconnect()


def refused(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


# ---- frames ----


def taken(data):
    """Return what a frame makes of all that follows the mark."""
    open_frame = Frame()
    found = [open_frame.take(byte) for byte in data]
    assert all(one is None for one in found[:-1]), found
    return found[-1]


def test_the_frames_of_the_specification():
    with open(VECTORS) as file:
        rows = [line.strip().split(" | ") for line in file if line[0] != "#"]
    assert len(rows) == 7
    for row in rows:
        kind, data, whole = int(row[0]), bytes.fromhex(row[1]), bytes.fromhex(row[2])
        assert frame(kind, data) == whole, frame(kind, data).hex()
        assert taken(whole[6:]) == (kind, data)


def test_every_length_is_taken_apart_as_it_was_put_together():
    for size in (0, 1, 2, 100, 254, 255):
        data = bytes([(7 * n + size) & 0xFF for n in range(size)])
        assert taken(frame(9, data)[6:]) == (9, data)


def test_a_frame_is_broken_by_any_byte_that_is_another():
    whole = frame(COMMAND, b"\x02\x00")
    for at in range(6, len(whole)):
        if at != 8:  # the length: it ends elsewhere
            wrong = bytearray(whole)
            wrong[at] ^= 0x10
            assert refused(taken, wrong[6:]), at


def test_another_version_is_refused():
    whole = bytearray(frame(COMMAND, b"\x02\x00"))
    whole[6] = 2
    whole[-1] = sum(whole[:-1]) & 0xFF
    assert refused(taken, whole[6:])


def test_a_result_has_its_texts_in_order():
    assert result(3, ("firegrid", "", "é")) == b"\x03\x0d\x08firegrid\x00\x02\xc3\xa9"
    assert result(4, ()) == b"\x04\x00"


def test_a_command_has_the_length_that_it_says():
    assert command(b"\x02\x00") == (2, b"")
    assert command(b"\x01\x02ab") == (1, b"ab")
    for data in (b"", b"\x02", b"\x02\x01", b"\x02\x00a", b"\x01\x03ab"):
        assert refused(command, data), data


def wanted(ssid, key):
    return bytes([len(ssid)]) + ssid + bytes([len(key)]) + key


def test_credentials_that_a_network_can_have():
    longest = b"s" * 32, b"k" * 64
    for ssid, key in ((b"Block 6", b"12345678"), (b"open", b""), ("街".encode(), b"k"), longest):
        assert network(wanted(ssid, key)) == (ssid.decode(), key.decode())


def test_credentials_that_no_network_can_have_are_refused():
    good = wanted(b"Block 6", b"12345678")
    for data in [good[:size] for size in range(len(good))] + [
        good + b"\x00", wanted(b"", b"12345678"), wanted(b"s" * 33, b""), wanted(b"s", b"k" * 65),
        wanted(b"\xff\xfe", b""), wanted(b"s", b"\xe4\xb8"),
    ]:  # fmt: skip
        assert refused(network, data), data


# ---- what the gateway does ----


class FakeWlan:
    """Joins the networks that it is told of, a while after it has left the one before."""

    def __init__(self, clock):
        self._clock = clock
        self.keys = {"Garden": "12345678"}
        self.joins = []
        self.broken = 0  # how many calls of connect() fail
        self._in = False
        self._left_ms = 0

    def connect(self, ssid, key):
        assert not self.isconnected(), "it is in another network"
        if self.broken:
            self.broken -= 1
            raise OSError(errno.EIO)
        self.joins.append((ssid, key))
        self._in = self.keys.get(ssid) == key

    def disconnect(self):
        if self._in:
            self._left_ms = self._clock.passed_ms + LEAVING_MS
        self._in = False

    def isconnected(self):
        return self._in or self._clock.passed_ms < self._left_ms

    def status(self, what):
        assert what == "rssi" and self.isconnected(), "the chip raises OSError"
        return -61


class FakeBoard:
    def __init__(self, wlan):
        self.wlan = wlan

    def join_network(self, ssid, key):
        pass  # it has

    def has_network(self):
        return self.wlan.isconnected()


class Bench:
    """A gateway in the network Garden, and what it says; to Improv it is the operation."""

    def __init__(self, ssid="Garden", key="12345678"):
        self.clock = FakeTime()
        self.wlan = FakeWlan(self.clock)
        if ssid:
            self.wlan.connect(ssid, key)
        self.head = {"gateway": "gw-shops", "wifi_ssid": ssid, "wifi_key": key}
        self.out = io.BytesIO()
        self.kept = []
        self.said = 'firegrid {"gateway": "gw-shops", "firmware": "0.1.0", "site": "garden"}'
        self.improv = Improv(self, FakeBoard(self.wlan), self.head, self.out)
        wifi.keep = self.keep

    def keep(self, ssid, key):
        self.kept.append((ssid, key))

    def send(self, data):
        """Send what follows a mark; return what is said."""
        self.improv.begin()
        for byte in data:
            assert self.improv.take(byte)
        assert not self.improv.take(10), "what follows is of a line"
        return self.answers()

    def ask(self, number, data=b""):
        return self.send(frame(COMMAND, bytes([number, len(data)]) + data)[6:])

    def answers(self):
        """Return the frames since the last call: [(type, data)]."""
        whole = self.out.getvalue()
        self.out.seek(0)
        self.out.write(b"")
        self.out = self.improv._stream = io.BytesIO()
        found = []
        while whole:
            assert whole[:6] == b"IMPROV", whole
            end = 10 + whole[8]
            found.append(taken(whole[6:end]))
            assert whole[end] == 10, "a newline ends it"
            whole = whole[end + 1 :]
        return found

    def wait(self, ms=STEP_MS):
        """Let time pass; return whether there is still something to do, and what is said."""
        for _ in range(0, ms, STEP_MS):
            self.clock.pass_ms(STEP_MS)
            if not self.improv.step():
                return False, self.answers()
        return True, self.answers()


def say(kind, value):
    return kind, bytes([value])


TRYING = [say(ERROR, NO_ERROR), say(STATE, PROVISIONING)]


def test_a_gateway_tells_its_state():
    assert Bench().ask(GET_STATE) == [say(STATE, PROVISIONED), (RESULT, b"\x02\x00")]
    assert Bench(ssid="").ask(GET_STATE) == [say(STATE, READY)]


def test_a_gateway_tells_who_it_is():
    said = Bench().ask(GET_INFO)
    assert said == [(RESULT, result(GET_INFO, ("firegrid", "0.1.0", "ESP32", "gw-shops")))]


def test_it_names_the_network_that_it_was_given_and_does_not_scan():
    end = (RESULT, b"\x04\x00")
    bench = Bench()
    there = (RESULT, result(GET_NETWORKS, ("Garden", "-61", "YES")))
    assert bench.ask(GET_NETWORKS) == [there, end]
    bench.wlan.disconnect()
    bench.clock.pass_ms(LEAVING_MS)
    away = (RESULT, result(GET_NETWORKS, ("Garden", "-100", "YES")))
    assert bench.ask(GET_NETWORKS) == [away, end]
    assert Bench(ssid="").ask(GET_NETWORKS) == [end]


def test_a_network_that_is_there_is_joined_then_kept():
    for first in ("Garden", ""):
        bench = Bench(first)
        bench.wlan.keys["Street"] = "street key"
        assert bench.ask(SEND_WIFI, wanted(b"Street", b"street key")) == TRYING
        assert bench.kept == []
        goes_on, said = bench.wait(3000)
        assert said == [say(STATE, PROVISIONED), (RESULT, b"\x01\x00")], said
        assert not goes_on and bench.kept == [("Street", "street key")]
        assert (bench.head["wifi_ssid"], bench.head["wifi_key"]) == ("Street", "street key")
        assert bench.wlan.isconnected() and bench.wlan.joins[-1] == ("Street", "street key")


def test_a_network_that_is_not_joined_in_30_s_is_forgotten():
    bench = Bench()
    bench.ask(SEND_WIFI, wanted(b"Garden", b"wrong key"))
    assert bench.wait(TRY_MS - STEP_MS) == (True, [])
    assert bench.ask(GET_STATE) == [say(STATE, PROVISIONING)]
    assert bench.wait()[1] == [say(ERROR, UNABLE), say(STATE, READY)]
    assert bench.wait(3000) == (False, [])
    assert bench.kept == [] and bench.head["wifi_key"] == "12345678"
    assert bench.wlan.isconnected() and bench.wlan.joins[-1] == ("Garden", "12345678")


def test_without_a_network_before_there_is_none_to_go_back_to():
    bench = Bench(ssid="")
    bench.ask(SEND_WIFI, wanted(b"Street", b"street key"))
    assert bench.wait(TRY_MS)[1] == [say(ERROR, UNABLE), say(STATE, READY)]
    assert bench.wait() == (False, []) and bench.wlan.joins == [("Street", "street key")]


def test_a_chip_that_cannot_connect_yet_is_asked_again():
    bench = Bench()
    bench.wlan.keys["Street"] = ""
    bench.wlan.broken = 5
    bench.ask(SEND_WIFI, wanted(b"Street", b""))
    assert bench.wait(3000)[1][0] == say(STATE, PROVISIONED)
    bench.wlan.broken = 10_000
    bench.ask(SEND_WIFI, wanted(b"Other", b""))
    assert bench.wait(TRY_MS)[1][0] == say(ERROR, UNABLE)
    assert bench.wait(TRY_MS) == (True, []), "the way back is never given up"
    bench.wlan.broken = 0
    assert bench.wait(3000) == (False, []) and bench.wlan.joins[-1] == ("Street", "")


def test_what_cannot_be_written_is_not_kept():
    bench = Bench()
    bench.wlan.keys["Street"] = ""

    def full(ssid, key):
        raise OSError(errno.EIO)

    wifi.keep = full
    bench.ask(SEND_WIFI, wanted(b"Street", b""))
    assert bench.wait(3000) == (False, [say(ERROR, FAILED), say(STATE, READY)])
    assert bench.head["wifi_ssid"] == "Garden" and bench.wlan.joins[-1] == ("Garden", "12345678")


def test_other_credentials_while_some_are_tried_take_their_place():
    bench = Bench()
    bench.wlan.keys["Street"] = ""
    bench.ask(SEND_WIFI, wanted(b"Nowhere", b""))
    bench.wait(TRY_MS - STEP_MS)
    assert bench.ask(SEND_WIFI, wanted(b"Street", b"")) == TRYING
    assert bench.wait(3000)[1] == [say(STATE, PROVISIONED), (RESULT, b"\x01\x00")]
    assert bench.kept == [("Street", "")]


def test_what_is_wrong_is_answered_and_changes_nothing():
    bench = Bench()
    whole = bytearray(frame(COMMAND, b"\x02\x00"))
    whole[-1] ^= 1
    for data, error in (
        (whole[6:], INVALID),
        (frame(COMMAND, b"")[6:], INVALID),
        (frame(COMMAND, b"\x02\x07")[6:], INVALID),
        (frame(COMMAND, b"\x01\x00")[6:], INVALID),
        (frame(COMMAND, b"\x01\x02\x09a")[6:], INVALID),
        (frame(COMMAND, b"\x05\x00")[6:], UNKNOWN_COMMAND),
        (frame(COMMAND, b"\xff\x00")[6:], UNKNOWN_COMMAND),
        (frame(COMMAND, b"\x01" * 255)[6:], INVALID),
    ):
        assert bench.send(data) == [say(ERROR, error)], data
    assert bench.wait() == (False, []) and len(bench.wlan.joins) == 1 and bench.kept == []


def test_an_echo_of_its_own_answers_is_no_news():
    bench = Bench()
    for kind in (0, STATE, ERROR, RESULT, 5, 255):
        assert bench.send(frame(kind, b"\x01")[6:]) == []


def test_a_frame_that_does_not_end_is_given_up():
    bench = Bench()
    bench.improv.begin()
    for byte in frame(COMMAND, b"\x02\x00")[6:-1]:
        bench.improv.take(byte)
    assert bench.wait(FRAME_MS - STEP_MS) == (True, [])
    assert bench.wait() == (False, [say(ERROR, INVALID)])
    assert not bench.improv.take(0), "a line again"


def test_a_chip_that_fails_is_told():
    bench = Bench()

    def fail(what):
        raise OSError(errno.EIO)

    bench.wlan.status = fail
    assert bench.ask(GET_NETWORKS) == [say(ERROR, FAILED)]


def test_random_frames_raise_nothing():
    seed(5)
    bench = Bench()
    for n in range(2000):
        data = bytes([getrandbits(3) for _ in range(getrandbits(4))])
        whole = bytearray(frame(COMMAND, data))
        if n % 2:
            whole[6 + getrandbits(8) % (len(whole) - 6)] = getrandbits(8)
        bench.improv.begin()
        for byte in whole[6:]:
            bench.improv.take(byte)
        bench.wait()
    bench.wait(FRAME_MS)
    assert bench.ask(GET_INFO)[-1][0] == RESULT
