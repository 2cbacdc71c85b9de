"""The flash layout and its partition table."""

from itertools import pairwise

import pytest
from firegrid.errors import FiregridError
from firegrid.image.layout import FLASH_BYTES, LAYOUT, SECTOR, pack_table, parse_table


def test_the_partitions_fill_the_flash_without_a_gap_and_end_with_it():
    for before, after in pairwise(LAYOUT):
        assert before.end == after.offset, after.label
    assert all(row.offset % SECTOR == 0 and row.size % SECTOR == 0 for row in LAYOUT)
    assert LAYOUT[-1].end == FLASH_BYTES


def test_a_table_is_read_as_it_was_written():
    assert parse_table(pack_table()) == LAYOUT
    assert len(pack_table()) == 0xC00


@pytest.mark.parametrize("at", range(0, 32 * len(LAYOUT)))
def test_a_flipped_bit_is_found(at):
    table = bytearray(pack_table())
    table[at] ^= 4
    with pytest.raises(FiregridError, match="partition table"):
        parse_table(bytes(table))


@pytest.mark.parametrize("table", [b"", b"\xff" * 0xC00, b"\0" * 0xC00, b"MicroPython"])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(FiregridError, match="no partition table"):
        parse_table(table)
