"""The host's one way to an MQTT broker: paho-mqtt, with acknowledgements that wait for us.

Every connection is a new paho client, so nothing crosses from one to the next: no late
acknowledgement hits another message's number, and no answer queued during an outage is sent with a
time long past.
"""

import logging
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import uniform
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firegrid.errors import FiregridError

__all__ = ["Address", "Client", "Message"]

KEEPALIVE_S = 15  # a silent broker is noticed within two of these
ANSWER_S = 10.0  # GB 26875.3 6.5.4 asks for an answer within 10 s
DELAYS_S = (0.25, 0.5, 1.0, 2.0, 4.0)  # between attempts; the last one stays

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and as whom we go there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read mqtt://[USER:PASSWORD@]HOST[:PORT]."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:  # a port that is no number, a bracket that is not closed
            host, port = None, None
        if not host or parts.scheme != "mqtt" or parts.path.strip("/") or parts.query:
            raise FiregridError(
                f"{re.sub('//.*@', '//…@', url)!r} is not a broker's address",
                hint="write mqtt://HOST:PORT or mqtt://USER:PASSWORD@HOST:PORT",
            )
        user, password = parts.username, parts.password
        return cls(host, port or 1883, user and unquote(user), password and unquote(password))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Message:
    """What came in; hand it to `Client.ack` when it is safe."""

    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int
    connection: "_Connection"


class Client:
    """Subscribes, publishes, and comes back by itself after every loss.

    `on_message` runs in the network thread and must not block. With `manual_ack` the broker keeps
    each message until `ack`; acknowledge in the order of arrival.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        on_message: Callable[[Message], None],
        subscriptions: Sequence[str] = (),
        manual_ack: bool = False,
    ) -> None:
        self.address = Address.parse(url)
        self._settings = (client_id, on_message, tuple(subscriptions), manual_ack)
        self._connection = _Connection(self.address, *self._settings)
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="mqtt-keeper", daemon=True)

    def start(self) -> None:
        """Return once every subscription stands; raise where no broker answers."""
        self._connection.open()
        self._keeper.start()

    def stop(self) -> None:
        """Send what is under way, say good-bye."""
        self._stopping.set()
        self._connection.close()
        if self._keeper.is_alive():
            self._keeper.join(2)  # one that waits for a silent broker ends by itself, later

    @property
    def connected(self) -> bool:
        """Whether the broker is there, as far as is known: up to 30 s late on a half-open link."""
        return self._connection.stands.is_set()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> bool:
        """Send; return False, and keep nothing, while there is no broker."""
        return self._connection.publish(topic, payload, qos, retain)

    def ack(self, message: Message) -> None:
        """Tell the broker that it may forget; without effect once that connection is gone."""
        message.connection.ack(message)

    def _keep(self) -> None:
        while True:
            self._connection.lost.wait()
            attempt = 0
            while not self._come_back(attempt):
                attempt += 1
            if self._stopping.is_set():
                self._connection.close()
                return

    def _come_back(self, attempt: int) -> bool:
        delay_s = DELAYS_S[min(attempt, len(DELAYS_S) - 1)]
        if self._stopping.wait(delay_s * uniform(0.8, 1.2)):  # not all desks at once
            return True
        connection = _Connection(self.address, *self._settings)
        try:
            connection.open()
        except FiregridError:
            return False
        self._connection = connection
        return True


class _Connection:
    """One paho client from connect to loss."""

    def __init__(
        self,
        address: Address,
        client_id: str,
        on_message: Callable[[Message], None],
        subscriptions: Sequence[str],
        manual_ack: bool,
    ) -> None:
        self.lost = threading.Event()
        self.stands = threading.Event()
        self._address = address
        self._on_message = on_message
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._refusal = ""
        self._decided = threading.Event()
        self._paho = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        client.on_socket_open = _send_at_once
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        client.on_disconnect = self._disconnected

    def open(self) -> None:
        """Connect and subscribe, or raise in plain words."""
        try:
            self._paho.connect(self._address.host, self._address.port, KEEPALIVE_S)
        except (OSError, UnicodeError) as error:
            raise _no_broker(self._address, _why(error)) from error
        self._paho.loop_start()
        if not self._decided.wait(ANSWER_S):
            self._decide(f"something listens there but gave no answer within {ANSWER_S:g} s")
        refusal = self._refusal
        if refusal:
            self.close()
            raise _no_broker(self._address, refusal)

    def close(self) -> None:
        """Leave politely; what is queued goes out first."""
        self._paho.disconnect()
        if self._paho.is_connected():
            self.lost.wait(2)
        self.stands.clear()
        self.lost.set()

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> bool:
        if not self.stands.is_set():
            return False
        info = self._paho.publish(topic, payload, qos, retain)
        return info.rc == paho.MQTT_ERR_SUCCESS

    def ack(self, message: Message) -> None:
        if not self.lost.is_set():
            self._paho.ack(message.mid, message.qos)

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            self._decide(f"the broker refused us: {str(reason).lower()}")
        elif self._subscriptions:
            client.subscribe(self._subscriptions)
        else:
            self._decide()

    def _subscribed(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _props: Any) -> None:
        refused = [
            topic
            for (topic, _), reason in zip(self._subscriptions, reasons, strict=True)
            if reason.is_failure
        ]
        self._decide(f"the broker does not let us read {refused[0]}" if refused else "")

    def _decide(self, refusal: str = "") -> None:
        self._refusal = refusal
        if not refusal:
            self.stands.set()
        self._decided.set()

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        came = (message.topic, message.payload, message.retain, message.mid, message.qos)
        try:
            self._on_message(Message(*came, self))
        except Exception:  # paho would end its thread, and nobody would know
            _log.exception("what takes the messages has failed")

    def _disconnected(self, *_details: Any) -> None:
        self.stands.clear()
        if not self._decided.is_set():
            self._decide_lost()
        self.lost.set()

    def _decide_lost(self) -> None:
        self._refusal = "something listens there but hung up: is it an MQTT broker?"
        self._decided.set()


def _send_at_once(_client: Any, _data: Any, sock: Any) -> None:
    """Without this a PUBACK and the answer behind it wait 40 ms for each other (Nagle)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no such host name"
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror or str(error)).lower()


def _no_broker(address: Address, why: str) -> FiregridError:
    return FiregridError(
        f"no broker at {address}: {why}",
        hint="start one there, or name another with --broker mqtt://HOST:PORT",
    )
