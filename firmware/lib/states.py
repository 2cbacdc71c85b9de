"""What must outlive a reset, by point: the last bytes that were remembered for each."""

import struct
from array import array

from micropython import const

STATE = const(2)  # the kind of a note that holds one
STATE_BYTES = const(8)


class States:
    """`images[i]` is a note without its CRC: u8 kind, u8 length, u16 point, 8 bytes. `serials[i]`
    is the number of the sector that has it."""

    def __init__(self):
        self.images = []
        self.serials = array("I")

    def put(self, point, state):
        """Take a point's bytes; return its place, -1 where they are known already."""
        if len(state) > STATE_BYTES:
            raise ValueError("a state has at most 8 bytes")
        i = self._place(point)
        if self.state(i) == state:
            return -1
        struct.pack_into("<BBH8s", self.images[i], 0, STATE, len(state), point, state)
        return i

    def take(self, note, serial):
        """Take a note as it was found in the sector of a number."""
        i = self._place(note[2] | note[3] << 8)
        self.images[i][:] = note[:12]
        self.serials[i] = serial

    def stands(self, i):
        """Return whether there is anything to keep."""
        return self.images[i][1] > 0

    def state(self, i):
        """Return a point's bytes."""
        image = self.images[i]
        return bytes(image[4 : 4 + image[1]])

    def all(self):
        """Return [(point, its bytes)] of all that is kept."""
        places = range(len(self.images))
        return [(self._point(i), self.state(i)) for i in places if self.stands(i)]

    def _place(self, point):
        for i in range(len(self.images)):
            if self._point(i) == point:
                return i
        self.images.append(bytearray(struct.pack("<BBH8s", STATE, 0, point, b"")))
        self.serials.append(0)
        return len(self.images) - 1

    def _point(self, i):
        image = self.images[i]
        return image[2] | image[3] << 8
