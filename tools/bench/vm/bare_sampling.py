"""For `world`: nothing but the sampling task of a gateway, with nobody who hears of it."""

import asyncio

from app import assemble
from board import Board
from clock import Clock
from sampling import Sampling


class Nobody:
    """What sampling hands its readings on to."""

    def changed(self, point, changed):
        pass

    def sample(self, point, summary):
        pass


def main():
    """Sample for ever."""
    board = Board()
    clock = Clock(board.count_boot())
    refused, _, _, _, buses, channels = assemble(board, clock)
    assert not refused, refused
    nobody = Nobody()
    asyncio.run(Sampling(channels, nobody, nobody, clock, buses).run(lambda now_ms: None))


main()
