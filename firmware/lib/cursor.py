"""What of a journal lane goes out next: a record that is new overtakes the backlog."""


class Cursor:
    """Follows one lane. A backlog is what the lane held when the link came up."""

    def __init__(self, lane):
        self._lane = lane
        self.rewind()

    def rewind(self):
        """Begin anew at the oldest record that the desk has not stored."""
        self._backlog = self._lane.first
        self._backlog_end = self._live = self._lane.next

    def next(self, most):
        """Return (first number, count) of the next run to send, count 0 where all is sent."""
        first = max(self._live, self._lane.first)
        count = min(self._lane.next - first, most)
        if count > 0:
            return first, count
        first = max(self._backlog, self._lane.first)
        return first, max(0, min(self._backlog_end - first, most))

    def sent(self, first, count):
        """The run that `next` gave is on its way."""
        if first >= self._live:
            self._live = first + count
        else:
            self._backlog = first + count
