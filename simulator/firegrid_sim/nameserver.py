"""A small DNS server on 127.0.0.1: answers A for the names it was given, and can fall silent."""

import socket
import struct
import threading

_HEADER = struct.Struct(">HHHHHH")
_ANSWER = 0x8180  # a response, recursion available
_NO_SUCH_NAME = 0x8183
_POINTER_TO_QUESTION = 0xC00C
_A, _IN, _TTL_S = 1, 1, 60
_TYPE_AND_CLASS = 4
_SIZE_MAX = 512


class NameServer:
    """`names` maps a name to its IPv4 address; while `silent` no query is answered."""

    def __init__(self, names: dict[str, str]) -> None:
        self.silent = False
        self.queries = 0
        self._names = {name.lower(): socket.inet_aton(address) for name, address in names.items()}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="name server", daemon=True)

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread: a datagram without content, from ourselves, wakes it."""
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            query, client = self._socket.recvfrom(_SIZE_MAX)
            if not query:
                return
            self.queries += 1
            if not self.silent and len(query) > _HEADER.size:
                self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query, _HEADER.size)
        question = query[_HEADER.size : end + _TYPE_AND_CLASS]
        address = self._names.get(name)
        number = _HEADER.unpack_from(query)[0]
        if address is None:
            return _HEADER.pack(number, _NO_SUCH_NAME, 1, 0, 0, 0) + question
        record = struct.pack(">HHHIH", _POINTER_TO_QUESTION, _A, _IN, _TTL_S, len(address))
        return _HEADER.pack(number, _ANSWER, 1, 1, 0, 0) + question + record + address


def _name(query: bytes, at: int) -> tuple[str, int]:
    """Return the name that starts at `at`, in lower case, and where it ends."""
    labels = []
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    return ".".join(labels), at + 1
