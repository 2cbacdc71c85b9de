"""The journal on flash: order, release, what a full ring does, wear, and flash that fails."""

import random
import struct

from lib import record
from lib.journal import Journal, Lane
from lib.recovery import remembered
from micropython import heap_lock, heap_unlock

from fakes import FakeFlash

SECTOR = 4096
EVENTS_SECTORS = 72  # 288 KiB
SAMPLES_SECTORS = 144  # 576 KiB
EPOCH = 77


def lane_on(flash, count=0):
    lane = Lane(0, flash)
    lane.epoch = EPOCH
    fill(lane, count)
    return lane


def fill(lane, count):
    packed = bytearray(record.SIZE)
    for _ in range(count):
        struct.pack_into("<I", packed, 8, lane.next)
        assert lane.append(packed)


def journal_on(flash, count=0):
    journal = Journal(flash, FakeFlash(), EPOCH)
    fill(journal.events, count)
    return journal


def readable(lane):
    """Yield the numbers that can be read, each of which holds what it was given."""
    buffer = bytearray(record.SIZE)
    for n in range(lane.first, lane.next):
        if lane.read(n, buffer):
            assert record.number_of(buffer) == n and record.is_sound(buffer)
            assert struct.unpack_from("<I", buffer, 8)[0] == n
            yield n


def held(lane):
    return list(readable(lane))


def test_records_are_numbered_from_one_and_come_back_in_order():
    lane = lane_on(FakeFlash(), 50)
    assert (lane.first, lane.next) == (1, 51)
    assert held(lane) == list(range(1, 51))


def test_an_append_is_one_program_and_takes_no_heap():
    flash = FakeFlash()
    lane = lane_on(flash, 5)
    lane.states.reserve([0, 101])
    packed = bytearray(record.SIZE)
    packed[6] = 101
    packed[18] = record.CONDITION
    packed[19] = 1 << 4 | 1
    programs = flash.programs
    heap_lock()
    try:
        n = lane.append(packed)
    finally:
        heap_unlock()
    assert n == 6 and flash.programs == programs + 1 and lane.states.stands(1)


def test_an_append_changes_nothing_of_what_it_is_given():
    lane = lane_on(FakeFlash())
    packed = bytearray(range(record.SIZE))
    lane.append(packed)
    assert packed == bytes(range(record.SIZE))


def test_what_is_not_held_is_not_read():
    lane = lane_on(FakeFlash(), 200)
    buffer = bytearray(record.SIZE)
    assert lane.first > 1
    assert not any(lane.read(n, buffer) for n in (0, lane.first - 1, lane.next))


def test_a_full_ring_drops_its_oldest_sector_and_counts_it():
    lane = lane_on(FakeFlash(), 500)
    assert lane.lost == lane.first - 1 > 350
    assert held(lane) == list(range(lane.first, 501))
    assert lane.next - lane.first >= 6 * 14


def test_release_lets_go_up_to_and_including():
    lane = lane_on(FakeFlash(), 5)
    lane.release(3)
    assert (lane.first, lane.stored, held(lane)) == (4, 3, [4, 5])
    lane.release(2)  # an old word of the desk changes nothing
    assert (lane.first, lane.stored) == (4, 3)


def test_a_desk_cannot_release_what_was_never_written():
    lane = lane_on(FakeFlash(), 2)
    lane.release(1000)
    assert (lane.first, lane.next, lane.stored) == (3, 3, 2)


def test_what_was_released_is_not_counted_as_lost():
    lane = lane_on(FakeFlash())
    for n in range(1, 500):
        fill(lane, 1)
        lane.release(n)
    assert lane.lost == 0


def test_samples_cannot_push_out_an_event():
    journal = journal_on(FakeFlash(), 1)
    fill(journal.samples, 500)
    assert journal.events.first == 1 and journal.events.lost == 0 and journal.samples.lost


# ---- after a reset ----


def test_everything_is_there_after_a_reset():
    flash, other = FakeFlash(), FakeFlash()
    first = Journal(flash, other, EPOCH)
    fill(first.events, 70)
    fill(first.samples, 30)
    again = Journal(flash, other, EPOCH + 1)
    assert again.epoch == EPOCH
    assert held(again.events) == list(range(1, 71)) and held(again.samples) == list(range(1, 31))
    fill(again.events, 5)
    assert again.events.next == 76


def test_at_most_64_records_are_sent_again_after_a_reset():
    flash = FakeFlash(16)
    lane = journal_on(flash, 150).events
    for n in range(1, 150):
        lane.release(n)
        found = journal_on(flash).events
        assert n - 64 < found.stored <= n and found.first == found.stored + 1


def tell(lane, point, conditions, changed=1):
    """Append an event by which these conditions of a point stand."""
    packed = bytearray(record.SIZE)
    struct.pack_into("<H", packed, 6, point)
    struct.pack_into("<I", packed, 8, lane.next)
    packed[18] = record.CONDITION
    packed[19] = conditions | changed << 4
    assert lane.append(packed)


def test_what_stands_outlives_the_ring():
    flash = FakeFlash(16)
    journal = journal_on(flash)
    for point in range(1, 17):
        tell(journal.events, point, point % 4)
    tell(journal.events, 7, 0)
    states = dict(remembered(journal.events.states))
    assert len(states) == 11 and states[5] == b"\x01" + bytes(7)
    assert dict(remembered(journal_on(flash).events.states)) == states
    fill(journal.events, 3 * 16 * 15)
    assert journal.events.lost and dict(remembered(journal_on(flash).events.states)) == states


def test_what_changes_costs_nothing_until_the_next_sector():
    flash = FakeFlash()
    lane = journal_on(flash, 1).events
    programs = flash.programs
    for conditions in (1, 3, 2, 0, 1):
        tell(lane, 5, conditions)
    assert flash.programs == programs + 5, "one for each record"
    serial = lane.serial
    fill(lane, 10)
    assert lane.serial == serial + 1
    assert dict(remembered(journal_on(flash).events.states)) == {5: b"\x01" + bytes(7)}


def test_losses_are_told_once_even_over_a_reset():
    flash = FakeFlash()
    lane = journal_on(flash, 300).events
    assert lane.lost
    assert journal_on(flash).events.lost == lane.lost, "not told yet"
    lane.tell()
    assert journal_on(flash).events.lost == 0


# ---- rot, strangers, failure ----


def test_a_rotten_record_is_passed_over_and_counted_and_the_desk_waits_no_more():
    flash = FakeFlash()
    lane = lane_on(flash, 10)
    flash.sectors[0][32 + 4 * 32 + 9] ^= 4
    assert held(lane) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert (lane.first, lane.lost) == (1, 0)
    lane.release(4)  # the desk has all before it, and waits for number 5
    assert (lane.first, lane.lost) == (6, 1)


def test_a_sector_whose_header_has_rotted_is_lost_and_nothing_else():
    flash = FakeFlash()
    lane = journal_on(flash, 60).events
    flash.sectors[1][20] ^= 1
    journal = journal_on(flash)
    assert journal.epoch == EPOCH
    lane = journal.events
    assert lane.next == 61
    lost = set(range(1, 61)) - set(held(lane))
    assert 10 <= len(lost) <= 15
    assert journal.found[0].torn


def test_numbers_that_may_be_in_use_are_not_given_out_again_under_the_same_epoch():
    flash = FakeFlash()
    journal = journal_on(flash, 60)
    live = journal.events.live
    flash.sectors[live][20] ^= 1
    again = Journal(flash, FakeFlash(), EPOCH + 2)
    assert again.found[0].renumbered and again.epoch == EPOCH + 2
    assert again.events.next < 61


def test_a_stranger_is_told_once_and_written_over():
    flash = FakeFlash()
    for sector in flash.sectors:
        for i in range(len(sector)):
            sector[i] = random.getrandbits(8)
    other = FakeFlash()
    journal = Journal(flash, other, EPOCH)
    assert len(journal.found[0].odd) == 8
    fill(journal.events, 200)
    again = Journal(flash, other, EPOCH)
    assert not again.found[0].odd and again.events.next == 201


def test_another_version_of_the_format_is_recognised():
    flash = FakeFlash()
    head = bytearray(b"FGJ\x02" + bytes(8) + bytes(4))
    struct.pack_into("<I", head, 12, record.crc32(head[:12]))
    flash.writeblocks(3, head, 0)
    journal = journal_on(flash, 5)
    assert journal.found[0].other_format == 1 and held(journal.events) == [1, 2, 3, 4, 5]


def test_a_bad_sector_is_left_out_and_its_neighbours_are_used():
    flash = FakeFlash()
    flash.bad.add(3)
    other = FakeFlash()
    lane = Journal(flash, other, EPOCH).events
    fill(lane, 400)
    assert held(lane) == list(range(lane.first, 401)) and not lane.in_ram
    again = Journal(flash, other, EPOCH).events
    assert (again.first, again.next) == (lane.first, 401)


def test_a_sector_that_went_bad_with_records_in_it_does_not_confuse_recovery():
    flash, other = FakeFlash(), FakeFlash()
    lane = Journal(flash, other, EPOCH).events
    fill(lane, 50)
    flash.bad.add(2)  # it keeps the header that it has, for ever
    for _ in range(40):
        fill(lane, 25)
        again = Journal(flash, other, EPOCH).events
        assert again.next == lane.next and held(again) == held(lane)


def test_without_a_partition_the_journal_lives_in_ram_under_a_fresh_epoch():
    flash = FakeFlash()
    journal = journal_on(flash, 10)
    journal = Journal(None, FakeFlash(), EPOCH + 5)
    assert journal.failing and journal.epoch == EPOCH + 5
    fill(journal.events, 30)
    assert held(journal.events) == list(range(1, 31))


def test_flash_that_fails_is_replaced_by_ram_and_what_was_in_it_counts_as_lost():
    flash = FakeFlash()
    journal = Journal(flash, FakeFlash(), EPOCH)
    fill(journal.events, 20)
    journal._fresh = EPOCH + 6
    journal.events.release(4)
    flash.broken = True
    fill(journal.events, 10)
    lane = journal.events
    assert journal.failing and journal.epoch == EPOCH + 6
    assert (lane.lost, held(lane)) == (16, list(range(21, 31)))


def test_flash_that_cannot_be_read_at_the_start_is_no_end():
    flash = FakeFlash()
    flash.broken = True
    journal = journal_on(flash, 3)
    assert journal.failing and held(journal.events) == [1, 2, 3]


# ---- numbers ----


def worst_moment(sectors, count):
    """Return (lane, flash) after three overruns with one bad sector and a desk that stores
    nothing; its live sector has just begun and the next one is erased."""
    flash = FakeFlash(sectors, SECTOR)
    flash.bad.add(sectors // 2)
    lane = lane_on(flash)
    fill(lane, 3 * count)
    serial = lane.serial
    while lane.serial == serial:
        fill(lane, 1)
    lane.tend(True)
    assert lane.ready >= 0
    return lane, flash


def test_8000_events_are_readable_at_the_worst_moment():
    lane, _ = worst_moment(EVENTS_SECTORS, EVENTS_SECTORS * 128)
    assert sum(1 for _ in readable(lane)) >= 8000


def test_72_hours_of_4_points_a_minute_are_readable_at_the_worst_moment():
    lane, _ = worst_moment(SAMPLES_SECTORS, SAMPLES_SECTORS * 128)
    assert sum(1 for _ in readable(lane)) >= 72 * 60 * 4


def test_recovery_reads_headers_and_the_live_edge_only():
    lane, flash = worst_moment(EVENTS_SECTORS, EVENTS_SECTORS * 130)
    fill(lane, 120)
    flash.reads = flash.bytes_read = 0
    journal = Journal(flash, FakeFlash(), EPOCH)
    assert journal.events.next == lane.next
    assert flash.reads <= 1000 and flash.bytes_read <= 30_000, (flash.reads, flash.bytes_read)


def test_samples_have_no_states_to_follow_at_a_start():
    flash = FakeFlash(SAMPLES_SECTORS, SECTOR)
    lane = Lane(1, flash)
    lane.epoch = EPOCH
    fill(lane, SAMPLES_SECTORS * 130)
    flash.reads = flash.bytes_read = 0
    journal = Journal(FakeFlash(), flash, EPOCH)
    assert journal.samples.next == lane.next
    assert flash.reads <= 600 and flash.bytes_read <= 18_000, (flash.reads, flash.bytes_read)


def test_wear_stays_below_the_limit_and_is_spread_evenly():
    """Whatever happens: 64 points, and every event changes what stands."""
    flash = FakeFlash(EVENTS_SECTORS, SECTOR)
    lane = lane_on(flash)
    count = 3 * EVENTS_SECTORS * 120
    for i in range(count):
        tell(lane, i % 64 + 1, i // 64 & 3)
        if i % 5 == 0:
            lane.release(lane.next - 1)
        lane.tend(i % 7 == 0)
    assert flash.erases <= 1.1 * 32 * count / SECTOR, flash.erases
    assert max(flash.erased) - min(flash.erased) <= 1
    assert lane.erases == max(flash.erased)


def test_a_sector_ahead_is_erased_only_in_a_quiet_moment_and_once():
    flash = FakeFlash()
    lane = lane_on(flash, 1)
    erases = flash.erases
    lane.tend(False)
    assert flash.erases == erases
    lane.tend(True)
    lane.tend(True)
    assert flash.erases == erases + 1
    fill(lane, 14)
    assert flash.erases == erases + 1, "the erase was not ahead"
