"""MQTT packets: the standard's own examples, every cut, every wrong type."""

from lib import mqtt_packets as packets
from lib.mqtt_packets import PacketError

A_B = memoryview("a/b")
SOME = memoryview("hello")

PUBLISH_A_B = b"\x32\x0c\x00\x03a/b\x00\x0ahello"  # topic and id of figure 3.11, QoS 1
SUBSCRIBE_EXAMPLE = b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x01"  # 3.8.3, both with QoS 1


def written(put, *arguments):
    buf = bytearray(400)
    end = put(buf, 0, *arguments)
    assert not any(buf[end:])
    return bytes(buf[:end])


def is_refused(call, *arguments):
    try:
        call(*arguments)
    except PacketError:
        return True
    return False


def test_connect_is_as_in_the_standard():
    packet = written(packets.put_connect, "me", 10, "a/b", b"offline")
    fixed = b"\x00\x04MQTT\x04\x2e\x00\x0a"  # figure 3.6 without user name and password
    assert packet == b"\x10\x1c" + fixed + b"\x00\x02me\x00\x03a/b\x00\x07offline", packet


def test_publish_is_as_in_the_standard():
    assert written(packets.put_publish, 10, A_B, SOME, False) == PUBLISH_A_B
    assert written(packets.put_publish, 10, A_B, SOME, True) == b"\x33" + PUBLISH_A_B[1:]
    assert packets.publish_bytes(A_B, SOME) == len(PUBLISH_A_B)


def test_subscribe_is_as_in_the_standard():
    assert written(packets.put_subscribe, 10, ["a/b", b"c/d"]) == SUBSCRIBE_EXAMPLE


def test_short_packets_are_as_in_the_standard():
    assert written(packets.put_puback, 0x1234) == b"\x40\x02\x12\x34"
    assert written(packets.put_pingreq) == b"\xc0\x00"


def test_a_string_is_utf_8_as_in_the_standard():
    packet = written(packets.put_publish, 1, memoryview("A\U0002a6d4"), SOME, False)
    assert packet[2:9] == b"\x00\x05\x41\xf0\xaa\x9b\x94"  # figure 1.1
    assert packets.read_publish(packet, 0, len(packet))[0] == "A\U0002a6d4"


def test_remaining_length_at_both_sides_of_each_edge():
    for remaining, field in (  # table 2.4
        (0, b"\x00"),
        (64, b"\x40"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (321, b"\xc1\x02"),
        (16383, b"\xff\x7f"),
        (16384, b"\x80\x80\x01"),
        (2097151, b"\xff\xff\x7f"),
        (2097152, b"\x80\x80\x80\x01"),
        (268435455, b"\xff\xff\xff\x7f"),
    ):
        packet = b"\x30" + field
        assert packets.size_at(packet, 0, len(packet)) == len(packet) + remaining, field
        for end in range(len(packet)):
            assert packets.size_at(packet, 0, end) == 0, (field, end)


def test_long_publishes_carry_a_long_length():
    for length, field in ((120, b"\x7f"), (121, b"\x80\x01"), (16377, b"\x80\x80\x01")):
        payload = memoryview(bytes(length))
        size = packets.publish_bytes(A_B, payload)
        buf = bytearray(size)
        assert packets.put_publish(buf, 0, 1, A_B, payload, False) == size
        assert buf[1 : 1 + len(field)] == field
        assert packets.size_at(buf, 0, size) == size


def test_what_no_broker_sends_is_refused_at_its_first_byte():
    for first in (0x20, 0x30, 0x31, 0x32, 0x3B, 0x40, 0x90, 0xD0):
        assert packets.size_at(bytes([first, 2]), 0, 2) == 4
        assert packets.size_at(bytes([first]), 0, 1) == 0
    for first in (0x00, 0x10, 0x21, 0x42, 0x50, 0x62, 0x70, 0x82, 0x91, 0xC0, 0xD8, 0xE0, 0xF0):
        assert is_refused(packets.size_at, bytes([first]), 0, 1), first
    assert is_refused(packets.size_at, b"HTTP/1.1 400 Bad Request", 0, 24)


def test_a_remaining_length_of_five_bytes_is_refused():
    assert is_refused(packets.size_at, b"\x30\x80\x80\x80\x80\x01", 0, 6)
    assert is_refused(packets.size_at, b"\x30\xff\xff\xff\xff", 0, 5)


def test_what_does_not_fit_is_refused_and_the_buffer_keeps_its_size():
    full = len(PUBLISH_A_B)
    for put, arguments, size in (
        (packets.put_publish, (10, A_B, SOME, False), full),
        (packets.put_puback, (1,), 4),
        (packets.put_pingreq, (), 2),
        (packets.put_subscribe, (10, ["a/b", "c/d"]), len(SUBSCRIBE_EXAMPLE)),
        (packets.put_connect, ("me", 10, "a/b", "offline"), 30),
    ):
        for room in range(size):
            buf = bytearray(room)
            assert is_refused(put, buf, 0, *arguments), (put, room)
            assert len(buf) == room
        assert put(bytearray(size), 0, *arguments) == size
        assert put(bytearray(size + 3), 3, *arguments) == size + 3


def test_a_publish_without_a_topic_and_a_subscribe_without_topics_are_refused():
    assert is_refused(packets.publish_bytes, memoryview(b""), SOME)
    assert is_refused(packets.put_subscribe, bytearray(99), 0, 1, [])


def test_a_string_longer_than_its_length_field_is_refused():
    buf = bytearray(70000)
    topic = memoryview(bytes(65536))
    assert is_refused(packets.put_publish, buf, 0, 1, topic, SOME, False)
    assert packets.put_publish(buf, 0, 1, topic[1:], SOME, False) == 65548


def test_connack_tells_of_a_session_and_of_a_refusal():
    for packet, expected in (
        (b"\x20\x02\x00\x00", (False, 0)),
        (b"\x20\x02\x01\x00", (True, 0)),
        (b"\x20\x02\x00\x05", (False, 5)),
    ):
        assert packets.read_connack(packet, 0, 4) == expected


def test_suback_tells_whether_all_was_granted():
    for codes, granted in (
        (b"\x01", True),
        (b"\x01\x01", True),
        (b"\x00\x02\x80", False),  # figure 3.26
        (b"\x80", False),
    ):
        packet = b"\x90" + bytes([2 + len(codes)]) + b"\x00\x0a" + codes
        assert packets.read_suback(packet, 0, len(packet)) == (10, granted)


def test_publish_is_read_with_and_without_an_id_and_from_the_middle():
    assert packets.read_publish(PUBLISH_A_B, 0, len(PUBLISH_A_B)) == ("a/b", 10, 9)
    qos_0 = b"\x31\x0a\x00\x03a/bhello"
    assert packets.read_publish(qos_0, 0, len(qos_0)) == ("a/b", 0, 7)
    empty = b"\x30\x05\x00\x03a/b"
    assert packets.read_publish(empty, 0, 7) == ("a/b", 0, 7)
    both = qos_0 + PUBLISH_A_B + b"\x40"
    assert packets.read_publish(both, len(qos_0), len(both) - 1) == ("a/b", 10, len(qos_0) + 9)


def test_a_publish_may_be_a_repetition():
    repeated = b"\x3a" + PUBLISH_A_B[1:]
    assert packets.read_publish(repeated, 0, len(repeated)) == ("a/b", 10, 9)


def test_a_publish_may_be_cut_off_in_its_payload_only():
    for end in range(9, len(PUBLISH_A_B) + 1):
        assert packets.read_publish(PUBLISH_A_B[:end], 0, end) == ("a/b", 10, 9)
    for end in range(9):
        assert is_refused(packets.read_publish, PUBLISH_A_B[:end], 0, end), end


def test_cut_off_packets_are_refused():
    for read, packet in (
        (packets.read_connack, b"\x20\x02\x00\x00"),
        (packets.read_puback, b"\x40\x02\x00\x01"),
        (packets.read_suback, b"\x90\x03\x00\x0a\x01"),
        (packets.read_pingresp, b"\xd0\x00"),
    ):
        read(packet, 0, len(packet))
        for end in range(len(packet)):
            assert is_refused(read, packet[:end], 0, end), (packet, end)


def test_wrong_types_flags_and_lengths_are_refused():
    for read, packet in (
        (packets.read_connack, b"\x21\x02\x00\x00"),
        (packets.read_connack, b"\x20\x02\x02\x00"),  # reserved bits
        (packets.read_connack, b"\x20\x03\x00\x00\x00"),
        (packets.read_connack, b"\x20\x82\x00\x00"),
        (packets.read_puback, b"\x42\x02\x00\x01"),
        (packets.read_puback, b"\x50\x02\x00\x01"),
        (packets.read_puback, b"\x40\x82\x00\x01"),
        (packets.read_suback, b"\x92\x03\x00\x0a\x01"),
        (packets.read_suback, b"\x90\x02\x00\x0a"),  # no code
        (packets.read_pingresp, b"\xd1\x00"),
        (packets.read_pingresp, b"\xe0\x00"),
        (packets.read_pingresp, b"\xd0\x01\x00"),
        (packets.read_publish, b"\x34\x07\x00\x03a/b\x00\x01"),  # QoS 2
        (packets.read_publish, b"\x36\x07\x00\x03a/b\x00\x01"),  # QoS 3
        (packets.read_publish, b"\x32\x07\x00\x03a/b\x00\x00"),  # id 0
        (packets.read_publish, b"\x30\x02\x00\x00"),  # no topic
        (packets.read_publish, b"\x30\x05\x00\x04a/b"),  # topic past the end
        (packets.read_publish, b"\x30\x05\x00\x03a\xff\xfe"),  # not UTF-8
    ):
        assert is_refused(read, packet, 0, len(packet)), packet


def test_no_bytes_at_all_lead_to_anything_but_a_packet_error():
    state = 1
    for _ in range(3000):
        noise = bytearray(12)
        for i in range(12):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            noise[i] = state >> 16 & 255
        noise[0] = (state >> 9 & 15) << 4 | noise[0] & 15
        for read in (
            packets.size_at,
            packets.read_connack,
            packets.read_puback,
            packets.read_suback,
            packets.read_publish,
            packets.read_pingresp,
        ):
            for end in (1, 2, 5, 12):
                is_refused(read, noise, 0, end)
