"""RAM in the shape of flash."""

from fakes import FakeFlash
from lib.journal import Lane
from lib.ramflash import RamFlash, replace


def test_it_keeps_the_rules_of_flash():
    flash = RamFlash(3, 64)
    assert (flash.ioctl(4, 0), flash.ioctl(5, 0)) == (3, 64)
    back = bytearray(4)
    flash.writeblocks(1, b"\xf0\x0f", 10)
    flash.writeblocks(1, b"\x3c\xff", 10)
    flash.readblocks(1, back, 9)
    assert back == b"\xff\x30\x0f\xff"
    flash.ioctl(6, 1)
    flash.readblocks(1, back, 9)
    assert back == b"\xff\xff\xff\xff"


def test_a_lane_goes_on_in_it_and_counts_what_it_had_as_lost():
    lane = Lane(0, FakeFlash())
    packed = bytearray(32)
    for _ in range(5):
        lane.append(packed)
    lane.release(2)
    assert replace(lane) and lane.in_ram and (lane.first, lane.lost) == (6, 3)
    assert lane.append(packed) == 6
