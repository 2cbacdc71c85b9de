"""The journal in RAM: order, release, and what a full ring does."""

from lib import record
from lib.journal import Journal, Lane


def filled(capacity, count):
    lane = Lane(0, capacity)
    for mark in range(count):
        packed = bytearray(record.SIZE)
        packed[20] = mark & 255
        lane.append(packed)
    return lane


def marks(lane):
    buffer = bytearray(record.SIZE)
    seen = []
    for n in range(lane.first, lane.next):
        assert lane.read(n, buffer) and record.is_sound(buffer)
        seen.append(buffer[20])
    return seen


def test_records_are_numbered_from_one_and_come_back_in_order():
    lane = filled(8, 5)
    assert (lane.first, lane.next) == (1, 6)
    assert marks(lane) == [0, 1, 2, 3, 4]


def test_a_full_ring_drops_the_oldest_and_counts_it():
    lane = filled(4, 7)
    assert (lane.first, lane.next, lane.lost) == (4, 8, 3)
    assert marks(lane) == [3, 4, 5, 6]


def test_what_is_not_held_is_not_read():
    lane = filled(4, 7)
    buffer = bytearray(record.SIZE)
    assert not lane.read(3, buffer) and not lane.read(8, buffer) and not lane.read(0, buffer)


def test_release_lets_go_up_to_and_including():
    lane = filled(8, 5)
    lane.release(3)
    assert (lane.first, lane.stored, marks(lane)) == (4, 3, [3, 4])
    lane.release(2)  # an old word of the desk changes nothing
    assert (lane.first, lane.stored) == (4, 3)


def test_a_desk_cannot_release_what_was_never_written():
    lane = filled(8, 2)
    lane.release(1000)
    assert (lane.first, lane.next, lane.stored) == (3, 3, 2)
    lane.append(bytearray(record.SIZE))
    assert (lane.first, lane.next) == (3, 4)


def test_released_records_are_not_counted_as_lost():
    lane = filled(4, 4)
    lane.release(4)
    for _ in range(4):
        lane.append(bytearray(record.SIZE))
    assert lane.lost == 0


def test_samples_cannot_push_out_an_event():
    journal = Journal(1, events=4, samples=4)
    journal.events.append(bytearray(record.SIZE))
    for _ in range(100):
        journal.samples.append(bytearray(record.SIZE))
    assert journal.events.first == 1 and journal.events.lost == 0
