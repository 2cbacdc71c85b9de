"""The hash of the firmware that really runs: every .mpy below the root, name and content."""

import hashlib
import os
from binascii import hexlify

from micropython import const

_CHUNK = const(512)
_FOLDER = const(0x4000)


def fingerprint(root):
    """Return the SHA-256 (64 hex digits) over the sorted relative paths and their file hashes."""
    total = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    for path in sorted(_files(root, "")):
        total.update(path.encode())
        total.update(b"\0")
        total.update(_digest(root + "/" + path, buffer))
    return hexlify(total.digest()).decode()


def _files(root, below):
    for entry in os.ilistdir(root + "/" + below):
        name = below + entry[0]
        if entry[1] == _FOLDER:
            yield from _files(root, name + "/")
        elif name.endswith(".mpy"):
            yield name


def _digest(path, buffer):
    one = hashlib.sha256()
    view = memoryview(buffer)
    with open(path, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                return one.digest()
            one.update(view[:size])
