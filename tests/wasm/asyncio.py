"""Stands in for asyncio in a VM that has none: tasks are defined there, never run."""


class Event:
    """What somebody may wait for; here nobody does."""

    def __init__(self):
        self._set = False

    def is_set(self):
        """Return whether it has happened."""
        return self._set

    def set(self):
        """It has happened."""
        self._set = True

    def clear(self):
        """Wait for the next."""
        self._set = False
