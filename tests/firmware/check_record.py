"""The 32-byte records: packed, sealed, unpacked, on both sides of what fits."""

from lib import record


class FakeClock:
    boot = 7
    up_s = 90061
    up_ms = 250
    quality = 3

    def time_s(self):
        return 1794787200


class FakePoint:
    number = 101
    mode = 2
    conditions = 9
    value = -1500
    code = 0


class FakeSummary:
    interval_s = 60

    def __init__(self, minimum, mean, maximum, last):
        self.minimum = minimum
        self.maximum = maximum
        self.last = last
        self._mean = mean

    def mean(self):
        return self._mean


def packed_event(**changes):
    point = FakePoint()
    for name, value in changes.items():
        setattr(point, name, value)
    buffer = bytearray(record.SIZE)
    record.pack_event(buffer, FakeClock(), record.CONDITION, point, 8, 15000)
    record.seal(buffer, 4000000000, record.body(buffer))
    return buffer


def test_an_event_comes_back_as_it_went_in():
    assert record.unpack_event(packed_event()) == (
        4000000000, 7, 101, 90061, 250, 2, 3, 1794787200, record.CONDITION, 9, 8, -1500, 0, 15000,
    )  # fmt: skip


def test_a_missing_value_comes_back_with_its_code():
    fields = record.unpack_event(packed_event(value=None, code=255))
    assert fields[11] is None and fields[12] == 255, fields


def test_a_trouble_that_came_beside_a_value_keeps_its_code():
    fields = record.unpack_event(packed_event(code=12))  # what changed is TROUBLE
    assert fields[11] is None and fields[12] == 12, fields


def test_the_lowest_value_that_is_a_number_is_told_from_a_code():
    fields = record.unpack_event(packed_event(value=-0x80000000 + 256))
    assert fields[11] == -0x80000000 + 256 and fields[12] == 0, fields


def test_one_flipped_bit_is_seen_wherever_it_is():
    sound = packed_event()
    assert record.is_sound(sound)
    for bit in range(record.SIZE * 8):
        torn = bytearray(sound)
        torn[bit // 8] ^= 1 << bit % 8
        assert not record.is_sound(torn), bit


def sample_of(*figures):
    buffer = bytearray(record.SIZE)
    record.pack_sample(buffer, FakeClock(), FakePoint(), FakeSummary(*figures))
    return record.unpack_sample(buffer)[8:]


def test_a_quiet_sample_is_exact():
    for figures in ((5100, 5150, 5200, 5120), (0, 0, 0, 0), (-1000, -990, -900, -1000)):
        assert sample_of(*figures) == figures, figures


def test_a_wide_sample_never_hides_an_extreme():
    for minimum, mean, maximum, last in (
        (0, 800000, 1600000, 1600000),
        (-1600000, 0, 1600000, 3),
        (0, 16384, 32767, 0),
        (0, 16384, 32768, 0),
    ):
        low, middle, high, end = sample_of(minimum, mean, maximum, last)
        assert low <= minimum and high >= maximum and end == last, (minimum, maximum, low, high)
        step = (maximum - minimum) // 16000 + 1
        assert minimum - low <= step and high - maximum <= step and abs(middle - mean) <= step
