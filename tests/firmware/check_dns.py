"""DNS: the question byte by byte; good answers, broken ones and hostile ones."""

import struct

from lib import dns

NAME = "broker.example.org"
ASKED = dns.query(NAME, 0xABCD)
TO_QUESTION = b"\xc0\x0c"  # a pointer to the name in the question


def record(owner, kind, data, network=1):
    return owner + struct.pack(">HHIH", kind, network, 300, len(data)) + data


def a(owner, *octets):
    return record(owner, 1, bytes(octets))


def cname(owner, target):
    return record(owner, 5, target)


def name(text):
    return b"".join([bytes([len(label)]) + label.encode() for label in text.split(".")]) + b"\0"


def message(*records, flags=0x8180, asked=ASKED, count=None):
    head = struct.pack(">HHHHH", flags, 1, len(records) if count is None else count, 0, 0)
    return asked[:2] + head + asked[12:] + b"".join(records)


def outcome(packet, asked=ASKED):
    """The address, "no" for NoAddress, "ignored" for ValueError; anything else is raised."""
    try:
        return dns.answer(packet, asked)
    except dns.NoAddress:
        return "no"
    except ValueError:
        return "ignored"


def test_the_question_is_as_rfc_1035_has_it():
    assert ASKED == (
        b"\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        b"\x06broker\x07example\x03org\x00\x00\x01\x00\x01"
    )
    assert dns.query(NAME + ".", 0xABCD) == ASKED


def test_what_is_no_host_name_is_not_asked_for():
    long = ".".join(["x" * 63] * 4)
    for text in ("", ".", "a..b", "x" * 64 + ".org", long):
        try:
            dns.query(text, 1)
        except ValueError:
            continue
        raise AssertionError(text)
    assert len(dns.query("x" * 63 + ".org", 1)) == 12 + 69 + 4


def test_an_address_is_found_by_pointer_and_by_name():
    assert outcome(message(a(TO_QUESTION, 192, 0, 2, 7))) == "192.0.2.7"
    assert outcome(message(a(name(NAME), 192, 0, 2, 7))) == "192.0.2.7"
    assert outcome(message(a(name("BROKER.Example.ORG"), 192, 0, 2, 7))) == "192.0.2.7"


def test_the_first_of_several_addresses_is_taken():
    assert outcome(message(a(TO_QUESTION, 10, 0, 0, 1), a(TO_QUESTION, 10, 0, 0, 2))) == "10.0.0.1"


def test_aliases_are_followed_in_any_order():
    one = cname(TO_QUESTION, name("one.net"))
    two = cname(name("one.net"), name("two.net"))
    address = a(name("two.net"), 10, 0, 0, 9)
    for records in ((one, two, address), (address, two, one), (two, address, one)):
        assert outcome(message(*records)) == "10.0.0.9", records


def test_an_alias_may_end_in_a_pointer():
    inner = b"\x03www" + b"\xc0\x13"  # "www" before "example.org" within the question
    packet = message(cname(TO_QUESTION, inner), a(name("www.example.org"), 10, 0, 0, 3))
    assert outcome(packet) == "10.0.0.3"


def test_aliases_in_a_circle_or_without_end_are_no_address():
    circle = (cname(TO_QUESTION, name("b.net")), cname(name("b.net"), name(NAME)))
    assert outcome(message(*circle)) == "no"
    chain = [cname(TO_QUESTION, name("0.net"))]
    for i in range(8):
        chain.append(cname(name(str(i) + ".net"), name(str(i + 1) + ".net")))
    assert outcome(message(*(chain[:8] + [a(name("7.net"), 1, 1, 1, 1)]))) == "1.1.1.1"
    assert outcome(message(*(chain + [a(name("8.net"), 1, 1, 1, 1)]))) == "no"


def test_the_address_of_another_name_is_not_ours():
    assert outcome(message(a(name("evil.org"), 6, 6, 6, 6))) == "no"


def test_other_records_are_passed_over():
    aaaa = record(TO_QUESTION, 28, bytes(16))
    chaos = record(TO_QUESTION, 1, bytes(4), network=3)
    short = record(TO_QUESTION, 1, bytes(3))
    assert outcome(message(aaaa, chaos, short, a(TO_QUESTION, 10, 0, 0, 1))) == "10.0.0.1"
    assert outcome(message(aaaa, chaos, short)) == "no"


def test_the_name_server_may_say_no():
    assert outcome(message(flags=0x8183)) == "no"  # no such name
    assert outcome(message(flags=0x8182)) == "no"  # it failed
    assert outcome(message(flags=0x8185)) == "no"  # it refuses
    assert outcome(message()) == "no"  # the name has no address


def test_an_answer_to_something_else_is_ignored():
    good = message(a(TO_QUESTION, 192, 0, 2, 7))
    assert outcome(good, dns.query(NAME, 0xABCE)) == "ignored"
    assert outcome(good, dns.query("broker.example.com", 0xABCD)) == "ignored"
    assert outcome(ASKED) == "ignored"  # a question
    assert (
        outcome(message(a(TO_QUESTION, 1, 2, 3, 4), flags=0x9180)) == "ignored"
    )  # another opcode


def test_a_cut_message_with_the_address_in_it_is_good_enough():
    truncated = message(a(TO_QUESTION, 192, 0, 2, 7), flags=0x8380, count=9)
    assert outcome(truncated) == "192.0.2.7"
    assert outcome(message(flags=0x8380, count=9)) == "no"


def test_every_cut_of_a_good_answer_is_ignored_or_no():
    good = message(cname(TO_QUESTION, name("one.net")), a(name("one.net"), 192, 0, 2, 7))
    assert outcome(good) == "192.0.2.7"
    for end in range(len(good)):
        assert outcome(good[:end]) in ("ignored", "no"), end


def test_pointers_in_a_circle_and_past_the_end_are_ignored():
    at = len(ASKED)
    itself = bytes([0xC0 | at >> 8, at & 255])
    assert outcome(message(a(itself, 1, 2, 3, 4))) == "ignored"
    assert outcome(message(a(b"\xff\xff", 1, 2, 3, 4))) == "ignored"
    to_and_fro = b"\x01a" + itself
    assert outcome(message(a(to_and_fro, 1, 2, 3, 4))) == "ignored"
    assert outcome(message(a(b"\x40a\0", 1, 2, 3, 4))) == "ignored"  # a reserved kind of label


def test_any_bytes_behind_the_question_are_survived():
    state = 7
    for _ in range(2000):
        noise = bytearray(40)
        for i in range(len(noise)):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            noise[i] = state >> 16 & 255
        outcome(message(bytes(noise), count=4))
