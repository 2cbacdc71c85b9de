"""Packets in flight: ids that wrap, ids that are skipped, and how long each has waited."""

from time import ticks_add

from lib.window import Window


def test_ids_begin_at_one_and_are_all_different():
    window = Window(8)
    assert [window.claim(0) for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert window.in_flight == 8


def test_a_full_window_gives_no_id():
    window = Window(2)
    window.claim(0)
    window.claim(0)
    try:
        window.claim(0)
    except ValueError:
        return
    raise ValueError("a third id in a window of two")


def test_ids_wrap_from_65535_to_1():
    window = Window(4)
    for expected in range(1, 65536):
        assert window.claim(0) == expected
        window.release(expected)
    assert window.claim(0) == 1


def test_ids_in_flight_are_skipped_also_across_the_wrap():
    window = Window(4)
    stuck = window.claim(0)
    assert stuck == 1
    seen = set()
    for _ in range(66_000):
        packet_id = window.claim(0)
        assert 1 < packet_id <= 65535
        seen.add(packet_id)
        window.release(packet_id)
    assert window.in_flight == 1
    assert 65535 in seen and 2 in seen


def test_a_window_of_any_size_never_gives_an_id_twice():
    for size in (1, 7, 16):
        window = Window(size)
        waiting = []
        for step in range(66_000):
            if window.in_flight == size:  # acknowledged out of order
                window.release(waiting.pop(step % size))
            packet_id = window.claim(0)
            assert packet_id not in waiting
            waiting.append(packet_id)


def test_acknowledgements_are_matched_by_id_and_unknown_ones_change_nothing():
    window = Window(4)
    for _ in range(3):
        window.claim(0)
    for unknown in (0, 4, 5, 6, 7, 65535):
        window.release(unknown)
        assert window.in_flight == 3, unknown
    window.release(2)
    window.release(2)
    assert window.in_flight == 2


def test_an_id_is_overdue_after_the_limit_and_not_before():
    start_ms = ticks_add(0, -500)  # the ticks wrap while it waits
    window = Window(4)
    window.claim(start_ms)
    late = window.claim(ticks_add(start_ms, 900))
    assert not window.is_overdue(ticks_add(start_ms, 1000), 1000)
    assert window.is_overdue(ticks_add(start_ms, 1001), 1000)
    window.release(1)
    assert not window.is_overdue(ticks_add(start_ms, 1001), 1000)
    window.release(late)
    assert not window.is_overdue(ticks_add(start_ms, 9000), 1000)


def test_clear_forgets_who_waits_and_goes_on_with_new_ids():
    window = Window(4)
    window.claim(0)
    window.claim(0)
    window.clear()
    assert window.in_flight == 0 and not window.is_overdue(99999, 10)
    assert window.claim(0) == 3
    window.release(1)  # a late answer to what was forgotten
    assert window.in_flight == 1
