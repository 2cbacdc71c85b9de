"""MQTT 3.1.1 packets (OASIS standard, 2014) in buffers that someone else owns.

Writers put a packet at `at` and return the position after it. Readers look at the packet from `at`
to `end`. Whatever does not fit or is not MQTT raises PacketError, nothing else.
"""

import struct

from micropython import const

# Control packet types (2.2.1): the high four bits of the first byte.
CONNECT = const(1)
CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
SUBSCRIBE = const(8)
SUBACK = const(9)
PINGREQ = const(12)
PINGRESP = const(13)

ACK_BYTES = const(4)  # a PUBACK; also a CONNACK
PING_BYTES = const(2)

# Flags of PUBLISH, the low four bits of its first byte (3.3.1).
_QOS_MASK = const(6)
_QOS_1 = const(2)
_RETAIN = const(1)

_SUBSCRIBE_FLAGS = const(2)  # 3.8.1: these bits are reserved and must be so
_LEVEL_3_1_1 = const(4)
# 3.1.2.3: a clean session; a will, of QoS 1 (8), retained (0x20).
_CONNECT_FLAGS = const(0x02 | 0x04 | 0x08 | 0x20)
_CONNECT_FIXED_BYTES = const(10)  # protocol name, level, flags, keep-alive

# What a broker's packets start with, PUBLISH and its flags apart (2.2.2).
_FIRST_BYTES = (PUBACK << 4, PINGRESP << 4, SUBACK << 4, CONNACK << 4)

_REMAINING_MAX = const(268435455)  # 2.2.3: four bytes of seven bits each
_STRING_MAX = const(65535)
_REFUSED = const(0x80)  # 3.9.3: in a SUBACK


class PacketError(ValueError):
    """These bytes are no MQTT packet, or this packet does not fit."""


def _remaining_bytes(remaining):
    """Return how many bytes the field "remaining length" takes."""
    if remaining > _REMAINING_MAX:
        raise PacketError("packet too long")
    count = 1
    while remaining > 127:
        remaining >>= 7
        count += 1
    return count


def _put_head(buf, at, first, remaining):
    """Write the fixed header, having seen that the whole packet fits."""
    if at + 1 + _remaining_bytes(remaining) + remaining > len(buf):
        raise PacketError("packet does not fit")
    buf[at] = first
    at += 1
    while remaining > 127:
        buf[at] = remaining & 127 | 128
        remaining >>= 7
        at += 1
    buf[at] = remaining
    return at + 1


def _put_string(buf, at, text):
    """Write a memoryview with its length before it."""
    size = len(text)
    if size > _STRING_MAX:
        raise PacketError("string too long")
    struct.pack_into(">H", buf, at, size)
    return _put(buf, at + 2, text)


def _put(buf, at, data):
    end = at + len(data)
    buf[at:end] = data
    return end


def put_connect(buf, at, client_id, keepalive_s, will_topic, will_payload):
    """Ask for a clean session with a retained will of QoS 1; texts or bytes."""
    strings = [memoryview(text) for text in (client_id, will_topic, will_payload)]
    remaining = _CONNECT_FIXED_BYTES + sum([2 + len(text) for text in strings])
    at = _put_head(buf, at, CONNECT << 4, remaining)
    at = _put_string(buf, at, memoryview(b"MQTT"))
    struct.pack_into(">BBH", buf, at, _LEVEL_3_1_1, _CONNECT_FLAGS, keepalive_s)
    at += 4
    for text in strings:
        at = _put_string(buf, at, text)
    return at


def publish_bytes(topic, payload):
    """Return the size of a PUBLISH of QoS 1; both are memoryviews."""
    if not topic:
        raise PacketError("no topic")
    remaining = 4 + len(topic) + len(payload)
    return 1 + _remaining_bytes(remaining) + remaining


def payload_at(at, topic):
    """Return where the payload of a PUBLISH may be written before its size, from 128 bytes to
    16 KiB, is known: put_publish then has nothing to move, and with a shorter one a byte."""
    return at + 3 + 2 + len(topic) + 2


def put_publish(buf, at, packet_id, topic, payload, retain):
    """Publish with QoS 1; topic and payload are memoryviews."""
    first = PUBLISH << 4 | _QOS_1 | (_RETAIN if retain else 0)
    at = _put_head(buf, at, first, 4 + len(topic) + len(payload))
    at = _put_string(buf, at, topic)
    struct.pack_into(">H", buf, at, packet_id)
    return _put(buf, at + 2, payload)


def put_puback(buf, at, packet_id):
    """Acknowledge a PUBLISH of QoS 1."""
    at = _put_head(buf, at, PUBACK << 4, 2)
    struct.pack_into(">H", buf, at, packet_id)
    return at + 2


def put_subscribe(buf, at, packet_id, topics):
    """Subscribe to topic filters, texts or bytes, with QoS 1."""
    if not topics:
        raise PacketError("no topic")
    views = [memoryview(topic) for topic in topics]
    remaining = 2 + sum([3 + len(view) for view in views])
    at = _put_head(buf, at, SUBSCRIBE << 4 | _SUBSCRIBE_FLAGS, remaining)
    struct.pack_into(">H", buf, at, packet_id)
    at += 2
    for view in views:
        at = _put_string(buf, at, view)
        buf[at] = 1  # the highest QoS that we want
        at += 1
    return at


def put_pingreq(buf, at):
    """Ask the broker for a sign of life."""
    return _put_head(buf, at, PINGREQ << 4, 0)


def size_at(buf, at, end):
    """Return the size of the packet that starts at `at`, 0 while it cannot be known yet.

    PacketError if no packet from a broker starts so."""
    if at >= end:
        return 0
    if buf[at] not in _FIRST_BYTES and buf[at] >> 4 != PUBLISH:
        raise PacketError("not a packet from a broker")
    remaining = 0
    for shift in (0, 7, 14, 21):
        at += 1
        if at >= end:
            return 0
        byte = buf[at]
        remaining |= (byte & 127) << shift
        if byte < 128:
            return 2 + shift // 7 + remaining
    raise PacketError("remaining length of more than four bytes")


def _body_at(buf, at, end):
    """Return where the packet's variable header begins."""
    for body_at in range(at + 2, min(at + 5, end) + 1):
        if buf[body_at - 1] < 128:
            return body_at
    raise PacketError("packet too short")


def _number_at(buf, at, end):
    """Return the 16-bit number at `at`."""
    if at + 2 > end:
        raise PacketError("packet too short")
    return buf[at] << 8 | buf[at + 1]


def read_connack(buf, at, end):
    """Return (session present, return code); code 0 means accepted."""
    if end - at != ACK_BYTES or buf[at] != CONNACK << 4 or buf[at + 1] != 2 or buf[at + 2] > 1:
        raise PacketError("not a CONNACK")
    return buf[at + 2] == 1, buf[at + 3]


def read_puback(buf, at, end):
    """Return the packet id."""
    if end - at != ACK_BYTES or buf[at] != PUBACK << 4 or buf[at + 1] != 2:
        raise PacketError("not a PUBACK")
    return buf[at + 2] << 8 | buf[at + 3]


def read_suback(buf, at, end):
    """Return (packet id, whether every topic was granted)."""
    body = _body_at(buf, at, end)
    packet_id = _number_at(buf, body, end)
    codes = memoryview(buf)[body + 2 : end]
    if buf[at] != SUBACK << 4 or not len(codes):
        raise PacketError("not a SUBACK")
    return packet_id, max(codes) < _REFUSED


def read_publish(buf, at, end):
    """Return (topic, packet id or 0 for QoS 0, where the payload begins).

    `end` may cut the payload off, but not what stands before it.
    """
    topic_at = _body_at(buf, at, end) + 2
    qos = buf[at] & _QOS_MASK
    if buf[at] >> 4 != PUBLISH or qos > _QOS_1:
        raise PacketError("not a PUBLISH of QoS 0 or 1")
    at = topic_at + _number_at(buf, topic_at - 2, end)
    packet_id = _number_at(buf, at, end) if qos else 0
    payload_at = at + 2 if qos else at
    if at == topic_at or at > end or (qos and not packet_id):
        raise PacketError("PUBLISH without topic or packet id")
    return _text(buf, topic_at, at), packet_id, payload_at


def _text(buf, at, end):
    try:
        return str(memoryview(buf)[at:end], "utf-8")
    except UnicodeError:
        raise PacketError("topic is not UTF-8")


def read_pingresp(buf, at, end):
    """See that it is one."""
    if end - at != PING_BYTES or buf[at] != PINGRESP << 4:
        raise PacketError("not a PINGRESP")
