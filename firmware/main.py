"""The gateway: build the application on the board, then run for years."""

import asyncio

from board import Board
from lib.forget import forget

_DEEP = 24  # calls, as deep as the building goes


def main():
    """Run until the watchdog or a person resets the board."""
    from app import build

    tasks = build(Board(), __file__.rpartition("/")[0] or ".")
    forget("app")
    del build  # it would keep the whole module in memory
    sweep(_DEEP)
    forget()
    asyncio.run(tasks.run())


def sweep(deep):
    """Overwrite what the building has left in the stack: to the collector it would look like
    something in use, and keep tables and modules in memory."""
    if deep:
        sweep(deep - 1)


main()
