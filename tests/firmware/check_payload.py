"""What the gateway says on the wire, against the vectors that the host reads too."""

import json
from binascii import unhexlify

from lib import record
from lib.payload import decimal, event_text, head_text, point_text, sample_text

VECTORS = __file__.rsplit("/", 2)[0] + "/golden/records.txt"


class FakeClock:
    boot = 3
    up_s = 812
    up_ms = 40
    quality = 3

    def time_s(self):
        return 1767225600 if self.quality else 0


class FakePoint:
    number = 101
    kind = "smoke"
    unit = "mA"
    mode = 0
    conditions = 1
    acknowledged = 1
    value = 25100
    code = 0


class FakeSummary:
    interval_s = 60
    minimum = 4900
    maximum = 5200
    last = 5100

    def mean(self):
        return 5050


def vectors():
    with open(VECTORS) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                hexed, _, text = line.partition(" | ")
                yield unhexlify(hexed.strip()), json.loads(text)


def test_every_vector_is_sound_and_encodes_to_its_json():
    count = 0
    for packed, expected in vectors():
        assert record.is_sound(packed), expected
        text = event_text(packed, expected["epoch"], {expected["point"]: expected["unit"]}, None)
        assert json.loads(text) == expected, text
        count += 1
    assert count >= 12, count


def test_thousandths_are_printed_as_short_decimals():
    for thousandths, text in (
        (0, "0"), (1, "0.001"), (-1, "-0.001"), (1000, "1"), (-1000, "-1"), (25100, "25.1"),
        (-12345, "-12.345"), (140000, "140"), (100, "0.1"), (10, "0.01"), (None, "null"),
    ):  # fmt: skip
        assert decimal(thousandths) == text, (thousandths, decimal(thousandths))


def packed_sample():
    packed = bytearray(record.SIZE)
    record.pack_sample(packed, FakeClock(), FakePoint(), FakeSummary())
    record.seal(packed, 5, record.body(packed))
    return packed


def test_a_sample_of_this_boot_is_dated_by_its_uptime():
    clock = FakeClock()
    packed = packed_sample()
    clock.up_s += 100
    said = json.loads(sample_text(packed, 9, {101: "mA"}, clock))
    assert said == {
        "n": 5, "epoch": 9, "boot": 3, "up_s": 812, "up_ms": 40, "time_s": 1767225500,
        "time_quality": "desk", "point": 101, "mode": "live", "interval_s": 60, "min": 4.9,
        "mean": 5.05, "max": 5.2, "last": 5.1, "unit": "mA",
    }, said  # fmt: skip


def test_a_sample_of_an_earlier_boot_is_left_undated():
    clock = FakeClock()
    clock.boot = 4
    said = json.loads(sample_text(packed_sample(), 9, {101: "mA"}, clock))
    assert said["time_s"] is None and said["time_quality"] == "none"


def test_a_sample_without_a_clock_is_left_undated():
    clock = FakeClock()
    clock.quality = 0
    said = json.loads(sample_text(packed_sample(), 9, {101: "mA"}, clock))
    assert said["time_s"] is None and said["time_quality"] == "none"


def test_a_point_says_its_state():
    assert json.loads(point_text(FakePoint(), 12, 1, 14399)) == {
        "version": 12, "part": 1, "point": 101, "kind": "smoke", "mode": "live", "conditions": 1,
        "acknowledged": 1, "bypassed_s": 14399, "value": 25.1, "unit": "mA", "code": 0,
    }  # fmt: skip


def test_the_head_is_written_from_pairs():
    assert json.loads(head_text([("firmware", "0.1.0"), ("boot", 3), ("time_s", None)])) == {
        "firmware": "0.1.0",
        "boot": 3,
        "time_s": None,
    }
