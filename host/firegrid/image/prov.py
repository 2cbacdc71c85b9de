"""The raw partition `prov`: who a gateway is. Written at the bench, never by the gateway.

Two copies of 8 KiB, each: 4 bytes FGPV, u8 format, 3 bytes 0, u32 length and u32 CRC-32 of what
follows (little-endian); then fields, each u8 tag, u16 length, value. A reader takes the first copy
whose CRC fits.
"""

import struct
from binascii import crc32
from collections.abc import Iterator
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.image.layout import partition

__all__ = ["FORMAT", "Prov", "prov_bytes", "read_prov"]

FORMAT = 1
COPY_BYTES = 8192
_HEAD = struct.Struct("<4sB3xII")
_FIELD = struct.Struct("<BH")
_MAGIC = b"FGPV"


class Prov(NamedTuple):
    """What a gateway is told once; the order is that of the tags, from 1."""

    site: str
    gateway: str
    key: bytes  # EC P-256 private key, DER (SEC 1)
    certificate: bytes  # DER
    ca: bytes  # the CA's certificate, DER
    update_key: bytes  # modulus of the RSA key that signs updates, big-endian
    claim_code: str  # as on its label
    made_s: int  # Unix time of its making: no clock begins before it


def prov_bytes(prov: Prov) -> bytes:
    """Return the partition as it lies in flash."""
    fields = b"".join(
        _FIELD.pack(tag, len(value)) + value for tag, value in enumerate(_values(prov), 1)
    )
    copy = _HEAD.pack(_MAGIC, FORMAT, len(fields), crc32(fields)) + fields
    if len(copy) > COPY_BYTES:
        raise FiregridError(f"the identity has {len(copy)} bytes; there is room for {COPY_BYTES}")
    return copy.ljust(COPY_BYTES, b"\xff") * (partition("prov").size // COPY_BYTES)


def _values(prov: Prov) -> Iterator[bytes]:
    for value in prov:
        if isinstance(value, bytes):
            yield value
        else:
            yield value.encode() if isinstance(value, str) else struct.pack("<I", value)


def read_prov(data: bytes) -> Prov:
    """Return what the first sound copy says; raise where there is none, or of another format."""
    other = 0
    for at in range(0, len(data) - _HEAD.size + 1, COPY_BYTES):
        magic, version, size, check = _HEAD.unpack_from(data, at)
        fields = data[at + _HEAD.size : at + _HEAD.size + size]
        if magic != _MAGIC or len(fields) < size or crc32(fields) != check:
            continue
        if version == FORMAT:
            return _prov(dict(_fields(fields)))
        other = version
    if other:
        raise FiregridError(f"the identity has format {other}; this program reads {FORMAT}")
    raise FiregridError("the board has no identity that can be read")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _FIELD.size <= len(data):
        tag, size = _FIELD.unpack_from(data, at)
        at += _FIELD.size + size
        yield tag, data[at - size : at]


def _prov(found: dict[int, bytes]) -> Prov:
    try:
        site, gateway, key, certificate, ca, update, claim, made = (
            found[tag] for tag in range(1, len(Prov._fields) + 1)
        )
        (made_s,) = struct.unpack("<I", made)
        texts = site.decode(), gateway.decode(), claim.decode()
    except (KeyError, struct.error, UnicodeDecodeError):
        raise FiregridError("the board's identity lacks a part") from None
    return Prov(texts[0], texts[1], key, certificate, ca, update, texts[2], made_s)
