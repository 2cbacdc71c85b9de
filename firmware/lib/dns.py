"""The DNS messages that a gateway needs: asking for an IPv4 address, and the answer (RFC 1035)."""

import struct

from micropython import const

_HEADER_BYTES = const(12)
_LABEL_MAX = const(63)
_NAME_MAX = const(255)
_RECORD_BYTES = const(10)  # type, class, time to live, length: between name and data

_A = const(1)
_CNAME = const(5)
_IN = const(1)

_RECURSION_DESIRED = const(0x0100)
_IS_ANSWER = const(0x8000)
_OPCODE_MASK = const(0x7800)
_CODE_MASK = const(0x000F)
_NO_SUCH_NAME = const(3)

_POINTER = const(0xC0)
_JUMPS_MAX = const(16)  # of compression pointers within one name
_ALIASES_MAX = const(8)  # of CNAMEs in a chain
_RECORDS_MAX = const(32)


class NoAddress(Exception):
    """The name server answered, and the answer is that there is no address."""


def query(name, query_id):
    """Return the message that asks for the address of `name`; ValueError if it is no host name."""
    header = struct.pack(">HHHHHH", query_id, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + _encoded(name) + struct.pack(">HH", _A, _IN)


def _encoded(name):
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) <= _LABEL_MAX for label in labels):
        raise ValueError("not a host name: " + name)
    encoded = b"".join([bytes([len(label)]) + label for label in labels]) + b"\0"
    if len(encoded) > _NAME_MAX:
        raise ValueError("host name too long")
    return encoded


def answer(message, asked):
    """Return the address from the answer to the query `asked`.

    ValueError: this is no answer to that query, go on waiting. NoAddress: it is, and says no."""
    _check_question(message, asked)
    flags, _, count = struct.unpack_from(">HHH", message, 2)
    code = flags & _CODE_MASK
    if code == _NO_SUCH_NAME:
        raise NoAddress("no such name")
    if code:
        raise NoAddress("error " + str(code))
    addresses, aliases = _records(message, len(asked), min(count, _RECORDS_MAX))
    return _follow(_name_at(message, _HEADER_BYTES)[0], addresses, aliases)


def _check_question(message, asked):
    """See that the message has our number and repeats our question."""
    size = len(asked)
    flags = _numbers(">H", message, 2)[0]
    same = message[:2] == asked[:2] and message[4:6] == asked[4:6]
    if not same or message[_HEADER_BYTES:size] != asked[_HEADER_BYTES:]:
        raise ValueError("an answer to something else")
    if not flags & _IS_ANSWER or flags & _OPCODE_MASK:
        raise ValueError("not an answer")


def _records(message, at, count):
    """Return {name: address} and {name: its other name} of up to `count` records.

    A message that its sender cut off is read as far as it goes: the address may be in it."""
    addresses = {}
    aliases = {}
    for _ in range(count):
        if at >= len(message):
            break
        name, at = _name_at(message, at)
        kind, network, _, size = _numbers(">HHIH", message, at)
        at += _RECORD_BYTES
        if network == _IN and kind == _A and size == 4:
            octets = _numbers("BBBB", message, at)
            addresses.setdefault(name, ".".join([str(octet) for octet in octets]))
        elif network == _IN and kind == _CNAME:
            aliases[name] = _name_at(message, at)[0]
        at += size
    return addresses, aliases


def _follow(name, addresses, aliases):
    """Return the address of a name, through its aliases."""
    for _ in range(_ALIASES_MAX + 1):
        if name in addresses:
            return addresses[name]
        name = aliases.get(name)
    raise NoAddress("no address for this name")


def _name_at(message, at):
    """Return (the name at `at` in lower case, the position after it)."""
    labels = []
    after = 0
    jumps = 0
    size = 0
    while True:
        length = _numbers("B", message, at)[0]
        at += 1
        if length >= _POINTER:
            after = after or at + 1
            at = (length & ~_POINTER) << 8 | _numbers("B", message, at)[0]
            jumps += 1
        elif length == 0:
            return b".".join(labels), after or at
        else:
            labels.append(bytes(message[at : at + length]).lower())
            at += length
            size += 1 + length
        if length & _POINTER in (0x40, 0x80) or jumps > _JUMPS_MAX or size >= _NAME_MAX:
            raise ValueError("not a name")


def _numbers(form, message, at):
    """Unpack numbers at `at`; ValueError where the message ends too soon."""
    if at + struct.calcsize(form) > len(message):
        raise ValueError("message cut off")
    return struct.unpack_from(form, message, at)
