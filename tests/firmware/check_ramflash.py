"""RAM in the shape of flash."""

from lib.ramflash import RamFlash


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
