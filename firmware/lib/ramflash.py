"""A little RAM in the shape of a flash partition: for a journal whose flash has failed."""

from micropython import const

COUNT = const(8)
SIZE = const(512)


class RamFlash:
    """Sectors of ones; programming only clears bits, erasing sets them again."""

    def __init__(self, count=COUNT, size=SIZE):
        self._size = size
        self._blank = b"\xff" * size
        self.sectors = [bytearray(self._blank) for _ in range(count)]

    def readblocks(self, block, buffer, offset):
        """Fill the buffer from a sector."""
        buffer[:] = memoryview(self.sectors[block])[offset : offset + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        """Program the bytes."""
        sector = self.sectors[block]
        for i in range(len(buffer)):
            sector[offset + i] &= buffer[i]

    def ioctl(self, operation, argument):
        """Answer as esp32.Partition: 4 sector count, 5 sector size, 6 erase one."""
        if operation == 4:
            return len(self.sectors)
        if operation == 5:
            return self._size
        self.sectors[argument][:] = self._blank
        return 0
