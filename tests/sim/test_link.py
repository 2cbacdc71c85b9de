"""The network between gateway and broker, broken in every way that it breaks in the field."""

import gc
import socket
import struct
import threading
import time

import pytest
from firegrid_sim.link import MUTE, REFUSED, SWALLOW, UP, Links
from firegrid_sim.nameserver import NameServer

SILENCE_S = 0.4  # nothing comes within so long
WAIT_S = 30


@pytest.fixture
def echo():
    """A server that answers with what it got; yields its port."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def answer(peer):
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)

    def accept():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(peer,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for thread in (accepting, *threads):
        thread.join(5)


@pytest.fixture
def links():
    links = Links()
    links.start()
    yield links
    links.stop()


@pytest.fixture
def link(links, echo):
    return links.add("127.0.0.1", echo)


@pytest.fixture
def connect(link):
    """Connect to the link as a gateway does."""
    peers = []

    def connect(timeout_s=WAIT_S):
        peers.append(socket.create_connection(("127.0.0.1", link.port), timeout=timeout_s))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()


def received(peer, count):
    data = b""
    while len(data) < count and (more := peer.recv(65536)):
        data += more
    return data


def is_silent(peer):
    peer.settimeout(SILENCE_S)
    try:
        return not peer.recv(1) and False
    except TimeoutError:
        return True
    finally:
        peer.settimeout(WAIT_S)


def test_up_carries_bytes_both_ways_and_counts_them(link, connect):
    peer = connect()
    data = bytes(range(256)) * 2000
    threading.Thread(target=peer.sendall, args=(data,)).start()
    assert received(peer, len(data)) == data
    assert link.up_bytes == len(data)
    deadline = time.monotonic() + WAIT_S
    while link.down_bytes < len(data) and time.monotonic() < deadline:
        time.sleep(0.01)  # counted just after they are handed on
    assert link.down_bytes == len(data)


def test_the_round_trip_time_is_what_was_asked_for(link, connect):
    link.rtt_ms = 120
    peer = connect()
    took_s = [round_trip_s(peer) for _ in range(4)]
    assert all(s > 0.119 for s in took_s)
    assert min(took_s) < 0.6  # the best of some: this machine may be busy with other things


def round_trip_s(peer):
    begin = time.monotonic()
    peer.sendall(b"ping!")
    assert received(peer, 5) == b"ping!"
    return time.monotonic() - begin


def test_a_long_way_does_not_slow_down_what_is_in_flight(link, connect):
    link.rtt_ms = 200
    peer = connect()
    begin = time.monotonic()
    for _ in range(30):
        peer.sendall(b"x")
        time.sleep(0.01)
    assert received(peer, 30) == b"x" * 30
    assert time.monotonic() - begin < 4  # one after the other it would be 6 s


def test_the_end_of_a_connection_is_carried_too(connect):
    peer = connect()
    peer.sendall(b"bye")
    peer.shutdown(socket.SHUT_WR)
    assert received(peer, 3) == b"bye"
    assert peer.recv(1) == b""


def test_a_broker_that_is_not_there_ends_the_connection(links):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    link = links.add("127.0.0.1", port)
    with socket.create_connection(("127.0.0.1", link.port), timeout=WAIT_S) as peer:
        assert peer.recv(1) == b""


def test_refused_refuses_and_resets_what_stands(link, connect):
    peer = connect()
    peer.sendall(b"x")
    assert received(peer, 1) == b"x"
    link.set_mode(REFUSED)
    with pytest.raises(ConnectionResetError):
        peer.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect()


def test_a_connection_refused_in_the_moment_of_its_acceptance_is_closed(link):
    """A socket that nobody closes is a warning, and a warning fails the test."""
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", link.port), timeout=WAIT_S):
            link.set_mode(REFUSED)
        link.set_mode(UP)
    gc.collect()


def test_swallow_lets_no_connection_come_about(link, connect):
    link.set_mode(SWALLOW)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            connect(SILENCE_S)


def test_swallow_makes_what_stands_silent_and_keeps_it_open(link, connect):
    peer = connect()
    peer.sendall(b"a")
    assert received(peer, 1) == b"a"
    link.set_mode(SWALLOW)
    peer.sendall(b"b")
    assert is_silent(peer)
    link.set_mode(UP)
    assert received(peer, 1) == b"b"  # TCP's own repetition, in the field


def test_mute_accepts_and_says_nothing(link, connect):
    link.set_mode(MUTE)
    peer = connect()
    peer.sendall(b"connect")
    assert is_silent(peer)
    assert link.up_bytes == 0


def test_after_every_mode_up_is_up_again(link, connect):
    for mode in (REFUSED, SWALLOW, MUTE, UP):
        link.set_mode(mode)
        link.set_mode(UP)
        peer = connect()
        peer.sendall(b"again")
        assert received(peer, 5) == b"again", mode


def test_one_link_down_leaves_the_others_up(links, link, echo):
    other = links.add("127.0.0.1", echo)
    link.set_mode(SWALLOW)
    with socket.create_connection(("127.0.0.1", other.port), timeout=WAIT_S) as peer:
        peer.sendall(b"x")
        assert received(peer, 1) == b"x"


# ---- names ----


@pytest.fixture
def names():
    names = NameServer({"broker.example": "127.0.0.9"})
    names.start()
    yield names
    names.stop()


def asked(names, name, timeout_s=WAIT_S):
    """Ask for the address of a name; return the raw answer."""
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    query = struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.sendto(query, ("127.0.0.1", names.port))
        answer = client.recv(512)
    assert answer[12:].startswith(query[12:])  # the question is repeated
    return answer


def test_a_known_name_has_its_address(names):
    answer = asked(names, "Broker.Example")
    number, flags, _, answers = struct.unpack_from(">HHHH", answer)
    assert (number, flags & 0x800F, answers) == (0x1234, 0x8000, 1)
    assert answer[-4:] == bytes([127, 0, 0, 9])


def test_an_unknown_name_does_not_exist(names):
    _, flags, _, answers = struct.unpack_from(">HHHH", asked(names, "elsewhere.example"))
    assert (flags & 0x800F, answers) == (0x8003, 0)


def test_a_silent_name_server_never_answers(names):
    names.silent = True
    with pytest.raises(TimeoutError):
        asked(names, "broker.example", SILENCE_S)
    assert names.queries == 1
