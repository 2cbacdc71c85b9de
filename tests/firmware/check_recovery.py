"""Recovery: what a lane knows of its flash after a start. More stands in check_journal.py, and
tests/sim/test_power_cuts.py cuts the power everywhere."""

from lib.journal import Lane
from lib.recovery import recover

from fakes import FakeFlash


def test_blank_flash_is_a_journal_that_begins():
    lane = Lane(0, FakeFlash())
    found = recover(lane)
    assert (lane.live, lane.next, lane.epoch) == (-1, 1, 0)
    assert (found.odd, found.torn, found.other_format, found.renumbered) == ([], 0, 0, False)


def test_recovery_writes_nothing():
    flash = FakeFlash()
    lane = Lane(0, flash)
    for _ in range(40):
        lane.append(bytearray(32))
    flash.sectors[2][5] ^= 1
    done = flash.programs, flash.erases
    found = recover(Lane(0, flash))
    assert found.odd == [2] and (flash.programs, flash.erases) == done


def test_a_torn_record_closes_its_sector_and_its_number_is_given_again():
    flash = FakeFlash()
    lane = Lane(0, flash)
    for _ in range(3):
        lane.append(bytearray(32))
    flash.writeblocks(0, b"\x04\x00\x00\x00torn", 32 * 4)
    again = Lane(0, flash)
    assert recover(again).torn == 1
    assert again.append(bytearray(32)) == 4 and again.live == 1


def test_an_erased_sector_ahead_is_found_and_used():
    flash = FakeFlash()
    lane = Lane(0, flash)
    lane.append(bytearray(32))
    lane.tend(True)
    again = Lane(0, flash)
    recover(again)
    assert again.ready == lane.ready == 1
