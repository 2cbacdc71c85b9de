"""The gateway: build the application on the board, then run for years."""

import asyncio

from micropython import const

from board import Board
from lib.forget import forget

_BELOW = const(4)  # calls


def main():
    """Run until the watchdog or a person resets the board."""
    asyncio.run(built(_BELOW).run())


def built(below):
    """Return the tasks, made deeper in the stack than they will run: what the making leaves there
    would look like something in use, and keep the tables in memory."""
    if below:
        return built(below - 1)
    from app import build

    tasks = build(Board(), __file__.rpartition("/")[0] or ".")
    forget("app")
    return tasks


main()
