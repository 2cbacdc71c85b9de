"""A broker of one gateway inside a simulated world: MQTT 3.1.1 as bytes, without sockets or time.

It keeps nothing over a restart, as the design expects of brokers. A golden conversation, played to
it and to a real broker, holds the two together.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["BrokerError", "ModelBroker", "Session", "publish_packet"]

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14


class BrokerError(Exception):
    """The client does not speak MQTT: a broker drops it."""


@dataclass
class Session:
    """One connection: what it has sent and is not whole yet, what it listens to."""

    send: Callable[[bytes], None]
    received: bytes = b""
    filters: set[str] = field(default_factory=set)
    connected: bool = False
    will: tuple[str, bytes] | None = None
    next_id: int = 1


class ModelBroker:
    """`on_publish(topic, payload)` hears every message of every client."""

    def __init__(self, on_publish: Callable[[str, bytes], None]) -> None:
        self._on_publish = on_publish
        self.sessions: list[Session] = []

    def open(self, send: Callable[[bytes], None]) -> Session:
        """Take a new connection; `send` carries bytes back."""
        session = Session(send)
        self.sessions.append(session)
        return session

    def close(self, session: Session) -> None:
        """The connection is gone without a word: its will is published."""
        if session in self.sessions:
            self.sessions.remove(session)
            if session.will:
                self._on_publish(*session.will)

    def forget(self) -> None:
        """Die and come back: no session and no message is left."""
        self.sessions.clear()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message at QoS 1 to everybody who listens to its topic."""
        for session in self.sessions:
            if topic in session.filters:
                session.send(publish_packet(topic, payload, session.next_id))
                session.next_id = session.next_id % 0xFFFF + 1

    def receive(self, session: Session, data: bytes) -> None:
        """Take bytes of a connection; raise BrokerError where they are no MQTT."""
        session.received += data
        while (packet := _first(session.received)) is not None:
            head, body, size = packet
            session.received = session.received[size:]
            self._act(session, head >> 4, head & 15, body)

    def _act(self, session: Session, kind: int, flags: int, body: bytes) -> None:
        if (kind == CONNECT) == session.connected:
            raise BrokerError("CONNECT must come first, and once")
        if kind == CONNECT:
            self._welcome(session, body)
        elif kind == PUBLISH:
            self._take(session, flags, body)
        elif kind == SUBSCRIBE:
            self._subscribe(session, body)
        elif kind == PINGREQ:
            session.send(bytes((PINGRESP << 4, 0)))
        elif kind == DISCONNECT:
            session.will = None
        elif kind != PUBACK:
            raise BrokerError(f"packet of kind {kind}")

    def _welcome(self, session: Session, body: bytes) -> None:
        if body[:7] != b"\0\4MQTT\4":
            raise BrokerError("not MQTT 3.1.1")
        flags = body[7]
        _, at = _text(body, 10)
        if flags & 4:
            topic, at = _text(body, at)
            payload, at = _bytes(body, at)
            session.will = topic, payload
        session.connected = True
        session.send(bytes((CONNACK << 4, 2, 0, 0)))

    def _take(self, session: Session, flags: int, body: bytes) -> None:
        topic, at = _text(body, 0)
        if flags >> 1 & 3:
            number = body[at : at + 2]
            at += 2
            session.send(bytes((PUBACK << 4, 2)) + number)
        self._on_publish(topic, body[at:])

    def _subscribe(self, session: Session, body: bytes) -> None:
        at, granted = 2, b""
        while at < len(body):
            topic, at = _text(body, at)
            granted += body[at : at + 1]
            at += 1
            session.filters.add(topic)
        session.send(bytes((SUBACK << 4, 2 + len(granted))) + body[:2] + granted)


def publish_packet(topic: str, payload: bytes, number: int) -> bytes:
    """Return a PUBLISH at QoS 1."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", number) + payload
    return bytes((PUBLISH << 4 | 2,)) + _length(len(body)) + body


def _length(size: int) -> bytes:
    digits = b""
    while True:
        size, digit = size >> 7, size & 127
        if not size:
            return digits + bytes((digit,))
        digits += bytes((digit | 128,))


def _first(data: bytes) -> tuple[int, bytes, int] | None:
    """Return (first byte, body, bytes taken) of the first whole packet, None without one."""
    size = 0
    for at in range(1, 5):
        if at >= len(data):
            return None
        size |= (data[at] & 127) << 7 * (at - 1)
        if not data[at] & 128:
            end = at + 1 + size
            return (data[0], data[at + 1 : end], end) if end <= len(data) else None
    raise BrokerError("a length of more than four bytes")


def _bytes(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if end > len(body):
        raise BrokerError("a text longer than its packet")
    return body[at + 2 : end], end


def _text(body: bytes, at: int) -> tuple[str, int]:
    data, end = _bytes(body, at)
    return data.decode(), end
