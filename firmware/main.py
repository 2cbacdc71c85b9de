"""The gateway: build the application on the board, then run for years."""

import asyncio

from board import Board
from lib.forget import scrap


def main():
    """Run until the watchdog or a person resets the board."""
    from app import build

    tasks = build(Board(), __file__.rpartition("/")[0] or ".")
    scrap("app")
    del build  # it would keep the whole module in memory
    asyncio.run(tasks.run())


main()
