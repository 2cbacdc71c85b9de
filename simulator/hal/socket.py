"""The ESP32's sockets on the host's: tuples as addresses, a link that can be away, slow names.

Port 53 of any numeric address is the simulator's name server (FG_DNS_PORT, 0 = it never answers).
"""

import errno
import io
import time

import uos
import usocket
from micropython import const
from usocket import (  # noqa: F401 the same on the chip
    AF_INET,
    SO_BROADCAST,
    SO_REUSEADDR,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
)

import hal
import hal_io

IPPROTO_TCP = 6
IPPROTO_UDP = 17
TCP_NODELAY = 1

_DNS = const(53)
_DNS_PORT = int(uos.getenv("FG_DNS_PORT") or 0)
_NAME_WAIT_S = const(5)
_EAI_FAIL = -202  # lwIP's number
_GET_FILENO = const(10)  # the stream request by which poll asks for a descriptor
_AS_ON_HOST = ("close", "fileno", "listen", "readline", "sendall", "setblocking", "setsockopt")


def getaddrinfo(host, port, af=0, kind=0, proto=0, flags=0):
    """Return one address. A name blocks the whole board until the name server gives up."""
    if not _is_numeric(host):
        if _DNS_PORT:
            raise NotImplementedError(
                "socket.getaddrinfo of a name is simulated without an answer only"
            )
        time.sleep(_NAME_WAIT_S)
        raise OSError(_EAI_FAIL)
    return [(AF_INET, kind or SOCK_STREAM, proto, "", (host, port))]


def _is_numeric(host):
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _to_host(address):
    """Return the host's form of (ip, port), where the simulator's servers are."""
    ip, port = address
    if port == _DNS:
        ip, port = "127.0.0.1", _DNS_PORT
    elif not _is_numeric(ip):
        ip = getaddrinfo(ip, port)[0][-1][0]
    return usocket.getaddrinfo(ip, port)[0][-1]


def _from_host(address):
    family, ip, port = usocket.sockaddr(address)[:3]
    return usocket.inet_ntop(family, ip), port


def _must_reach():
    if not hal_io.link_up():
        raise OSError(errno.EHOSTUNREACH)


def _silenced(address):
    """Return whether the address is that of a name server that never answers."""
    return address[1] == _DNS and not _DNS_PORT


class socket(io.IOBase):  # the chip's name
    """One socket; a stream, so that it can be polled and wrapped."""

    def __init__(self, af=AF_INET, kind=SOCK_STREAM, proto=0, host_socket=None):
        self._socket = host_socket or usocket.socket(af, kind)
        self._waits = False  # a timeout is set: its end has another number on the chip
        self._mute = False  # what it sends goes nowhere

    def connect(self, address):
        """Connect, or begin to."""
        _must_reach()
        self._mute = _silenced(address)
        if not self._mute:
            self._socket.connect(_to_host(address))

    def bind(self, address):
        """Bind to a local address."""
        self._socket.bind(_to_host((address[0] or "0.0.0.0", address[1])))

    def accept(self):
        """Return (socket, address) of the next who connects."""
        peer, address = self._timed(self._socket.accept)
        return socket(host_socket=peer), _from_host(address)

    def sendto(self, data, address):
        """Send one datagram."""
        _must_reach()
        return len(data) if _silenced(address) else self._socket.sendto(data, _to_host(address))

    def send(self, data):
        """Send what fits; return how much."""
        return len(data) if self._mute else self._socket.send(data)

    def recv(self, size):
        """Receive up to size bytes."""
        return self._timed(self._socket.recv, size)

    def recvfrom(self, size):
        """Receive one datagram; return (data, address)."""
        data, address = self._timed(self._socket.recvfrom, size)
        return data, _from_host(address)

    def read(self, *size):
        """Read as a stream."""
        return self._timed(self._socket.read, *size)

    def readinto(self, *buffer):
        """Read into a buffer as a stream."""
        return self._timed(self._socket.readinto, *buffer)

    def write(self, *data):
        """Write as a stream."""
        return self._socket.write(*data)

    def settimeout(self, seconds):
        """Set the board's seconds to wait, None = for ever."""
        self._waits = bool(seconds)
        self._socket.settimeout(seconds / hal.SPEED if seconds else seconds)

    def ioctl(self, request, argument):
        """Let poll find the host's file descriptor."""
        return self._socket.fileno() if request == _GET_FILENO else -1

    def __getattr__(self, name):
        if name in _AS_ON_HOST:
            return getattr(self._socket, name)
        raise hal.unknown("socket", name)

    def _timed(self, call, *arguments):
        try:
            return call(*arguments)
        except OSError as error:
            if self._waits and error.errno == errno.EAGAIN:
                raise OSError(errno.ETIMEDOUT)
            raise


def __getattr__(name):
    raise hal.unknown("socket", name)
