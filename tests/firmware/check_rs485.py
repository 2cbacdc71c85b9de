"""The Modbus master against frames of the public documents, byte for byte, and against noise."""

import random
from time import ticks_add

from drivers.rs485 import STALE_MS, Rs485, crc16
from lib.codes import BAD_FRAME, BUS_EXCEPTION, BUS_TIMEOUT, STARTING
from micropython import heap_lock, heap_unlock

from fakes import FakeLine, FakePin

START = ticks_add(0, -700)  # the ticks wrap in the middle of it
STEP_MS = 20


def framed(*body):
    crc = crc16(body, len(body))
    return bytes(body) + bytes((crc & 0xFF, crc >> 8))


class Bench:
    """A bus with its line and a clock in the test's hand."""

    def __init__(self, *answers, baud=9600, timeout_ms=200):
        self.line = FakeLine(*answers)
        self.line.drives = FakePin()
        self.bus = Rs485(self.line, self.line.drives, baud, timeout_ms)
        self.now_ms = START
        self.passed_ms = 0

    def query(self, station=17, function=3, register=107, words=1):
        return self.bus.station(station).query(function, register, words)

    def run(self, for_ms):
        for _ in range(for_ms // STEP_MS):
            self.bus.step(self.now_ms)
            self.now_ms = ticks_add(self.now_ms, STEP_MS)
            self.passed_ms += STEP_MS

    def trouble(self, query):
        return query.trouble(self.now_ms)


def test_the_crc_is_that_of_the_public_vectors():
    for body, crc in (
        (b"123456789", 0x4B37),  # the catalogue's check value of CRC-16/MODBUS
        (b"\x02\x07", 0x1241),  # Modbus over Serial Line V1.02, section 6.2.2: sent 41 12
        (b"\x11\x03\x00\x6b\x00\x03", 0x8776),  # the usual example: 11 03 006B 0003 7687
        (b"\x11\x04\x00\x08\x00\x01", 0x98B2),
        (b"", 0xFFFF),
    ):
        assert crc16(body, len(body)) == crc, (body, hex(crc16(body, len(body))))


def test_a_frame_with_its_own_crc_behind_it_leaves_nothing():
    assert crc16(b"\x11\x03\x00\x6b\x00\x03\x76\x87", 8) == 0
    assert crc16(b"\x11\x03\x00\x6b\x00\x03\x76\x86", 8) != 0


def test_a_request_is_the_one_of_the_documents_and_the_line_is_driven_only_for_it():
    bench = Bench()
    bench.query(register=107, words=3)
    bench.run(20)
    assert bench.line.sent == [(b"\x11\x03\x00\x6b\x00\x03\x76\x87", 1)]
    assert bench.line.drives.level == 0


def test_one_register_and_two():
    bench = Bench(framed(17, 3, 2, 0x02, 0x2B))
    query = bench.query()
    assert bench.trouble(query) == STARTING
    bench.run(60)
    assert (bench.trouble(query), query.first) == (0, 555)
    bench = Bench(framed(17, 4, 4, 0x12, 0x34, 0x56, 0x78))
    query = bench.query(function=4, words=2)
    bench.run(60)
    assert (bench.trouble(query), query.first, query.second) == (0, 0x1234, 0x5678)


def test_an_exception_reply_is_told_at_once_and_not_asked_again_soon():
    bench = Bench(framed(17, 0x83, 2))
    query = bench.query()
    bench.run(1000)
    assert bench.trouble(query) == BUS_EXCEPTION
    assert len(bench.line.sent) == 1


def test_a_silent_station_is_asked_twice_then_is_a_time_out():
    bench = Bench()
    query = bench.query()
    bench.run(600)
    assert (bench.trouble(query), len(bench.line.sent)) == (STARTING, 2)
    bench.run(100)
    assert (bench.trouble(query), len(bench.line.sent)) == (BUS_TIMEOUT, 2)


def test_one_lost_answer_is_no_trouble():
    good = framed(17, 3, 2, 0, 7)
    bench = Bench(good, None, *[good] * 100)
    query = bench.query()
    bench.run(60)
    for _ in range(100):
        bench.run(STEP_MS)
        assert bench.trouble(query) == 0, bench.passed_ms


def test_garbled_answers_are_bad_frames():
    good = framed(17, 3, 2, 0, 7)
    for answer in (
        good[:-1],  # cut off
        good[:-1] + b"\x00",  # wrong CRC
        framed(18, 3, 2, 0, 7),  # another station
        framed(17, 4, 2, 0, 7),  # another function
        framed(17, 3, 4, 0, 7, 0, 7),  # another count
        framed(17, 0x84, 2),  # refusal of another function
        b"\xff" * 40,
        b"\x11" * 300,
    ):
        bench = Bench(*[answer] * 2)
        query = bench.query()
        bench.run(800)
        assert bench.trouble(query) == BAD_FRAME, answer


def test_an_echo_and_ringing_in_front_of_an_answer_do_not_matter():
    good = framed(17, 3, 2, 0x02, 0x2B)
    for before in (b"\x00", b"\xff\x00", b"\x11\x03\x00\x6b\x00\x01\xf6\x86", b"\x11\x03\x02"):
        bench = Bench(before + good)
        query = bench.query()
        bench.run(60)
        assert (bench.trouble(query), query.first) == (0, 555), before


class Slowly(FakeLine):
    """Gives what it has byte by byte, one at each look."""

    def readinto(self, buffer):
        self._turn = not getattr(self, "_turn", False)
        return FakeLine.readinto(self, memoryview(buffer)[:1]) if self._turn else None


def test_an_answer_that_comes_in_pieces_is_put_together():
    bench = Bench()
    bench.bus._uart = bench.line = Slowly(framed(17, 3, 2, 0x02, 0x2B))
    query = bench.query()
    bench.run(100)
    assert bench.trouble(query) == STARTING
    bench.run(200)
    assert (bench.trouble(query), query.first) == (0, 555)


def test_a_late_answer_is_never_taken_for_the_next_register():
    late = framed(17, 3, 2, 0, 1)
    bench = Bench(None, None, framed(17, 3, 2, 0, 2))
    one, two = bench.query(register=1), bench.query(register=2)
    bench.run(640)  # both tries of the first are over, the line is left alone
    assert (bench.trouble(one), len(bench.line.sent)) == (BUS_TIMEOUT, 2)
    bench.line._waiting, bench.line._at = late, 0
    bench.run(200)
    assert (bench.trouble(two), two.first) == (0, 2)


def test_an_answer_grows_old():
    bench = Bench(framed(17, 3, 2, 0, 7))
    query = bench.query()
    bench.run(40)
    bench.now_ms = ticks_add(bench.now_ms, STALE_MS - 40)
    assert bench.trouble(query) == 0
    bench.now_ms = ticks_add(bench.now_ms, 41)
    assert bench.trouble(query) == BUS_TIMEOUT


def test_stations_are_asked_in_turn():
    def answers():
        for _ in range(100):
            yield framed(1, 3, 2, 0, 1)
            yield framed(2, 3, 2, 0, 2)
            yield framed(3, 3, 2, 0, 3)

    bench = Bench(*answers())
    queries = [bench.query(station=number) for number in (1, 2, 3)]
    bench.run(1500)
    asked = [frame[0] for frame, _ in bench.line.sent]
    assert asked[:6] == [1, 2, 3, 1, 2, 3], asked
    assert len(asked) >= 24, len(asked)  # each a little more often than every 200 ms
    assert [query.first for query in queries] == [1, 2, 3]


class Stations(FakeLine):
    """Answers every request but those to station 9, which is dead."""

    def write(self, data):
        self.answers = [None if data[0] == 9 else framed(data[0], 3, 2, 0, data[0])]
        return FakeLine.write(self, data)


def test_a_dead_station_does_not_keep_the_others_from_their_turn():
    bench = Bench()
    bench.bus._uart = Stations()
    bench.bus._uart.drives = FakePin()
    alive, dead = bench.query(station=4), bench.query(station=9)
    bench.run(100)
    for _ in range(500):
        bench.run(STEP_MS)
        assert bench.trouble(alive) == 0, bench.passed_ms
    assert bench.trouble(dead) == BUS_TIMEOUT


def test_a_station_that_comes_back_is_read_again():
    bench = Bench(None, None, framed(17, 3, 2, 0, 7))
    query = bench.query()
    bench.run(700)
    assert bench.trouble(query) == BUS_TIMEOUT
    bench.run(2300)
    assert (bench.trouble(query), query.first) == (0, 7)


def test_a_broken_port_is_a_time_out_and_lets_go_of_the_line():
    bench = Bench()
    bench.line.broken = True
    query = bench.query()
    bench.run(1000)
    assert (bench.trouble(query), bench.line.drives.level) == (BUS_TIMEOUT, 0)


def test_a_bus_without_points_does_nothing():
    bench = Bench()
    bench.run(1000)
    assert bench.line.sent == []


def test_random_bytes_never_raise_and_never_become_a_value():
    random.seed(4)
    bench = Bench()
    query = bench.query(words=2)
    for _ in range(4000):
        bench.line.chatter = bytes([random.getrandbits(8) for _ in range(random.getrandbits(5))])
        bench.run(STEP_MS)
        assert bench.trouble(query) in (STARTING, BAD_FRAME, BUS_TIMEOUT)


def test_stepping_takes_no_heap():
    class Answering(FakeLine):
        def __init__(self):
            self._good = framed(17, 3, 2, 0, 7)
            self._waits = False

        def write(self, data):
            self._waits = True

        def readinto(self, buffer):
            if not self._waits:
                return None
            self._waits = False
            for i in range(7):
                buffer[i] = self._good[i]
            return 7

    bench = Bench()
    bench.bus._uart = Answering()
    query = bench.query()
    bench.run(1000)
    heap_lock()
    try:
        for _ in range(100):
            bench.bus.step(bench.now_ms)
            bench.now_ms = ticks_add(bench.now_ms, STEP_MS)
    finally:
        heap_unlock()
    assert bench.trouble(query) == 0
