"""In the VM: the worked example of docs/SPEC-journal.md. Prints the rows of 16 bytes that are not
blank, each with its place in the partition."""

from binascii import hexlify, unhexlify

from fakes import FakeFlash
from lib.journal import Journal

EPOCH = 0xA4C3F217
ALARM = b"00000000030065002c030000283000b9556901110c620000983a000000000000"
RESET = b"000000000300650084030000e72300b95569011068100000983a000000000000"

flash = FakeFlash(5, 4096)
journal = Journal(flash, FakeFlash(5, 4096), EPOCH)
journal.events.append(bytearray(unhexlify(ALARM)))
journal.events.open()  # as after a power cut in the middle of the next record
journal.events.append(bytearray(unhexlify(RESET)))
journal.events.release(1)
journal.events.tell()
journal.tend(True)
for place, sector in enumerate(flash.sectors):
    for at in range(0, len(sector), 16):
        row = bytes(sector[at : at + 16])
        if row != b"\xff" * 16:
            print(f"{place * 4096 + at:05x}: " + hexlify(row, " ").decode())
