"""What must outlive a reset, by point."""

from lib.states import States


def test_the_last_bytes_of_each_point_are_kept():
    states = States()
    assert states.put(1, b"a") == 0 and states.put(65535, b"bcdefghi") == 1
    assert states.put(1, b"xy") == 0
    assert states.all() == [(1, b"xy"), (65535, b"bcdefghi")]


def test_what_is_known_already_is_no_news():
    states = States()
    states.put(1, b"a")
    assert states.put(1, b"a") == states.put(2, b"") == -1


def test_nothing_is_kept_for_a_point_that_was_let_go():
    states = States()
    states.put(1, b"a")
    states.put(1, b"")
    assert states.all() == [] and not states.stands(0)


def test_a_note_that_was_found_counts_as_of_its_sector():
    states, again = States(), States()
    states.put(300, b"abc")
    again.take(bytes(states.images[0]) + b"crc!", 9)
    assert again.all() == [(300, b"abc")] and again.serials[0] == 9
