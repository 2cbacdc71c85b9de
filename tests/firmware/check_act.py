"""The record of an act: packed and unpacked, on both sides of what fits."""

from lib import record
from lib.act import pack_act, unpack_act

from check_record import FakeClock, FakePoint


def test_an_act_comes_back_as_it_went_in():
    for point, said in (
        (None, (1, 0, 0, 0, 0, 0, 0)),
        (FakePoint(), (4, 1, 2, 240, 3, 17, 123456)),
        (FakePoint(), (7, 3, 3, 4320, 31, 0x3FFF, 0xFFFFFFFF)),
    ):
        verb, result, how, minutes, reason, person, command = said
        buffer = bytearray(record.SIZE)
        author = (how, person, reason, command)
        pack_act(buffer, FakeClock(), verb, result, author, point, minutes)
        assert unpack_act(buffer) == said, said
        fields = record.unpack_event(buffer)
        assert fields[8] == record.ACT
        assert fields[2] == (point.number if point else 0) and fields[5] == (2 if point else 0)
