"""A lane on its way to the desk: sent again when the desk does not store, and only then."""

from time import ticks_add

from lib import record
from lib.journal import Lane
from lib.outgoing import BEHIND_MS, Outgoing
from lib.ramflash import RamFlash

START = ticks_add(0, -45_000)
LIMIT_MS = 30_000


def outgoing(count):
    lane = Lane(0, RamFlash())
    for _ in range(count):
        lane.append(bytearray(record.SIZE))
    made = Outgoing(lane, LIMIT_MS, START)
    made.restart(START)
    return made


def send_all(made):
    """Return the numbers that go out now."""
    numbers = []
    while True:
        first, count = made.cursor.next(8)
        if not count:
            return numbers
        made.cursor.sent(first, count)
        numbers += range(first, first + count)


def silent(made, at_ms):
    return made.desk_is_silent(ticks_add(START, at_ms))


def test_what_is_not_stored_in_time_goes_again_once_for_each_time():
    made = outgoing(3)
    assert send_all(made) == [1, 2, 3]
    assert not silent(made, LIMIT_MS - 1) and send_all(made) == []
    assert silent(made, LIMIT_MS) and send_all(made) == [1, 2, 3]
    assert silent(made, 2 * LIMIT_MS - 1) and send_all(made) == []
    assert silent(made, 2 * LIMIT_MS) and send_all(made) == [1, 2, 3]


def test_a_desk_that_stores_something_is_not_silent_and_gets_time_for_the_rest():
    made = outgoing(3)
    send_all(made)
    made.lane.release(1)
    assert not silent(made, LIMIT_MS - 1)
    assert not silent(made, 2 * LIMIT_MS - 2)
    assert silent(made, 2 * LIMIT_MS - 1) and send_all(made) == [2, 3]


def test_the_same_position_said_again_is_no_progress():
    made = outgoing(3)
    send_all(made)
    made.lane.release(2)
    silent(made, 1000)
    for at_ms in range(2000, LIMIT_MS + 1000, 1000):
        made.lane.release(2)  # the desk answers for the other lane, again and again
        assert not silent(made, at_ms)
    assert silent(made, LIMIT_MS + 1000) and send_all(made) == [3]


def test_a_desk_that_answers_without_what_was_sent_gets_it_again_soon():
    made = outgoing(3)
    send_all(made)
    made.lane.release(1)
    silent(made, 1000)
    made.answered(ticks_add(START, 1000))
    made.answered(ticks_add(START, 2000))  # a second answer does not put it off
    assert not silent(made, 1000 + BEHIND_MS - 1) and send_all(made) == []
    assert not silent(made, 1000 + BEHIND_MS) and send_all(made) == [2, 3]
    assert not silent(made, 1000 + 3 * BEHIND_MS) and send_all(made) == []


def test_progress_ends_the_doubt_that_an_answer_left():
    made = outgoing(3)
    send_all(made)
    made.answered(ticks_add(START, 500))
    made.lane.release(2)
    silent(made, 600)
    assert not silent(made, 600 + 2 * BEHIND_MS) and send_all(made) == []


def test_where_nothing_stands_out_nobody_is_silent():
    made = outgoing(2)
    made.lane.release(2)
    for at_ms in range(0, 10 * LIMIT_MS, LIMIT_MS // 2):
        assert not silent(made, at_ms)


def test_a_silent_desk_is_silent_until_it_stores_whatever_becomes_of_the_session():
    made = outgoing(2)
    assert silent(made, LIMIT_MS)
    made.restart(ticks_add(START, LIMIT_MS + 5000))
    assert silent(made, LIMIT_MS + 5001)
    made.lane.release(1)
    assert not silent(made, LIMIT_MS + 6000)
