"""What the gateway says on the wire, against the vectors that the host reads too."""

import json
from binascii import unhexlify
from io import BytesIO

from lib import record
from lib.act import pack_act
from lib.payload import decimal, put_event, put_field, put_point, put_sample
from lib.verbs import VERBS
from mqtt import MESSAGE_BYTES, PIECE_BYTES
from report import POINTS_PER_PART

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


def printed(put, *arguments):
    out = BytesIO()
    put(out, *arguments)
    return out.getvalue().decode()


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
        units = {expected["point"]: expected["unit"]}
        text = printed(put_event, packed, expected["epoch"], units, None)
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
    said = json.loads(printed(put_sample, packed, 9, {101: "mA"}, clock))
    assert said == {
        "n": 5, "epoch": 9, "boot": 3, "up_s": 812, "up_ms": 40, "time_s": 1767225500,
        "time_quality": "desk", "point": 101, "mode": "live", "interval_s": 60, "min": 4.9,
        "mean": 5.05, "max": 5.2, "last": 5.1, "unit": "mA",
    }, said  # fmt: skip


def test_a_sample_of_an_earlier_boot_is_left_undated():
    clock = FakeClock()
    clock.boot = 4
    said = json.loads(printed(put_sample, packed_sample(), 9, {101: "mA"}, clock))
    assert said["time_s"] is None and said["time_quality"] == "none"


def test_a_sample_without_a_clock_is_left_undated():
    clock = FakeClock()
    clock.quality = 0
    said = json.loads(printed(put_sample, packed_sample(), 9, {101: "mA"}, clock))
    assert said["time_s"] is None and said["time_quality"] == "none"


def test_a_point_says_its_state():
    assert json.loads(printed(put_point, FakePoint(), 12, 1, 14399)) == {
        "version": 12, "part": 1, "point": 101, "kind": "smoke", "mode": "live", "conditions": 1,
        "acknowledged": 1, "bypassed_s": 14399, "value": 25.1, "unit": "mA", "code": 0,
    }  # fmt: skip


def test_a_field_of_the_head_is_a_text_a_number_or_nothing():
    for value, text in (
        ("0.1.0", '"0.1.0"'),
        (3, "3"),
        (0xFFFFFFFF, "4294967295"),
        (None, "null"),
    ):
        assert printed(put_field, "key", value) == '"key":' + text


def test_no_record_is_longer_than_the_piece_that_the_client_keeps_room_for():
    clock = FakeClock()
    clock.boot, clock.up_s, clock.up_ms = 0xFFFF, 0xFFFFFFFF, 999
    point = FakePoint()
    point.number, point.mode = 0xFFFF, 2
    packed = bytearray(record.SIZE)
    author = (0, 0x3FFF, 31, 0xFFFFFFFF)
    verb = max(range(len(VERBS)), key=lambda i: len(VERBS[i]))
    pack_act(packed, clock, verb, 3, author, point, 4320)
    record.seal(packed, 0xFFFFFFFF, record.body(packed))
    size = len(printed(put_event, packed, 0xFFFFFFFF, {}, None))
    assert 300 < size <= PIECE_BYTES, size


def test_a_part_of_the_state_fits_into_a_message_whatever_its_points():
    point = FakePoint()
    point.number, point.mode, point.conditions, point.acknowledged = 0xFFFF, 2, 15, 15
    point.kind, point.unit, point.value, point.code = "k" * 24, "u" * 8, -0x7FFFFFFF, 255
    size = len(printed(put_point, point, 0xFFFFFFFF, 9999, 259200))
    head_bytes = 7 + len("firegrid/1//up/state/9999") + 2 * 32
    assert head_bytes + POINTS_PER_PART * (size + 1) + 1 <= MESSAGE_BYTES, size
