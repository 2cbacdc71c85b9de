"""The order in which a lane goes out: a new record overtakes the backlog."""

from lib import record
from lib.cursor import Cursor
from lib.journal import Lane
from lib.ramflash import RamFlash


def take(cursor, most):
    first, count = cursor.next(most)
    cursor.sent(first, count)
    return first, count


def lane_of(count):
    lane = Lane(0, RamFlash())
    for _ in range(count):
        lane.append(bytearray(record.SIZE))
    return lane


def test_the_backlog_goes_in_order_in_runs():
    cursor = Cursor(lane_of(5))
    assert [take(cursor, 2) for _ in range(4)] == [(1, 2), (3, 2), (5, 1), (6, 0)]


def test_a_new_record_overtakes_the_backlog():
    lane = lane_of(10)
    cursor = Cursor(lane)
    take(cursor, 4)
    lane.append(bytearray(record.SIZE))
    assert take(cursor, 4) == (11, 1)
    assert take(cursor, 4) == (5, 4)
    assert take(cursor, 4) == (9, 2)
    assert take(cursor, 4)[1] == 0


def test_what_could_not_be_sent_stays_next():
    cursor = Cursor(lane_of(3))
    assert cursor.next(2) == (1, 2)
    assert cursor.next(2) == (1, 2)


def test_after_a_rewind_all_that_is_not_stored_goes_again():
    lane = lane_of(6)
    cursor = Cursor(lane)
    while take(cursor, 8)[1]:
        pass
    lane.release(4)
    cursor.rewind()
    assert take(cursor, 8) == (5, 2)


def test_what_was_dropped_meanwhile_is_passed_over():
    lane = lane_of(4)
    cursor = Cursor(lane)
    for _ in range(300):
        lane.append(bytearray(record.SIZE))
    sent = []
    while True:
        first, count = take(cursor, 3)
        if not count:
            break
        sent += range(first, first + count)
    assert lane.first > 4 and sorted(sent) == list(range(lane.first, lane.next)), sent
