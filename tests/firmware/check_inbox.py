"""The receive buffer: packets come out the same however the bytes were cut."""

from lib.inbox import Inbox
from lib.mqtt_packets import PacketError


def packet(mark, size):
    """A PUBLISH of `size` bytes in all, at least 2 and at most 129."""
    return bytes([0x30, size - 2]) + bytes([mark]) * (size - 2)


def put(inbox, data):
    room = inbox.room()
    count = min(len(room), len(data))
    room[:count] = data[:count]
    inbox.received(count)
    return count


def taken(inbox):
    packets = []
    while inbox.next():
        packets.append(bytes(inbox.view[inbox.at : inbox.end]))
    return packets


def test_packets_come_out_whole_however_they_were_cut():
    sent = [packet(i, size) for i, size in enumerate((2, 3, 9, 64, 2, 40, 31, 5))]
    stream = b"".join(sent)
    for chunk in range(1, 64):
        inbox = Inbox(64)
        seen = []
        at = 0
        while at < len(stream):
            at += put(inbox, stream[at : at + chunk])
            seen += taken(inbox)
        assert seen == sent, chunk


def test_a_packet_that_fills_the_buffer_is_not_too_long():
    inbox = Inbox(64)
    put(inbox, packet(1, 64))
    assert taken(inbox) == [packet(1, 64)]
    assert not inbox.is_overfull()


def test_a_packet_too_long_is_passed_over_and_the_next_is_found():
    for chunk in (1, 7, 63, 64):
        for size in (65, 66, 127, 129):
            inbox = Inbox(64)
            stream = packet(1, 5) + packet(2, size) + packet(3, 6) + packet(4, 64)
            seen = []
            given_up = at = 0
            while at < len(stream):
                at += put(inbox, stream[at : at + chunk])
                seen += taken(inbox)
                if inbox.is_overfull():
                    inbox.give_up()
                    given_up += 1
            assert seen == [packet(1, 5), packet(3, 6), packet(4, 64)], (chunk, size)
            assert given_up == 1


def test_there_is_always_room_after_all_packets_were_taken():
    inbox = Inbox(16)
    put(inbox, packet(1, 10) + packet(2, 6))
    assert len(taken(inbox)) == 2
    assert len(inbox.room()) == 16
    put(inbox, packet(1, 10) + packet(2, 12)[:6])
    assert len(taken(inbox)) == 1
    assert len(inbox.room()) == 10


def test_clear_forgets_bytes_and_what_was_passed_over():
    inbox = Inbox(16)
    put(inbox, packet(1, 60)[:16])
    assert not inbox.next() and inbox.is_overfull()
    inbox.give_up()
    inbox.clear()
    put(inbox, packet(2, 9))
    assert taken(inbox) == [packet(2, 9)]


def test_a_length_that_is_no_length_is_an_error():
    inbox = Inbox(16)
    put(inbox, b"\x30\xff\xff\xff\xff\x01")
    try:
        inbox.next()
    except PacketError:
        return
    raise AssertionError("five bytes of remaining length were taken")
