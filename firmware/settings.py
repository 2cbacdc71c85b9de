"""The gateway's configuration as it is read: one flat JSON object a line, one in memory at a time.

Written by the host. First the gateway's line, then one for its RS-485 line if it has one, one for
each output, one for each rule, one for each point.
"""

import json

from micropython import const

_LINE_MAX = const(1024)


class Settings:
    """A configuration that has passed its check; `path` None stands for none at all."""

    def __init__(self, path=None, refused=None):
        self.path = path
        self.refused = refused  # why the newest file was not taken, else None
        self.head = next(self.lines("gateway"), None)

    def lines(self, what):
        """Yield the lines of one sort: "gateway", "rs485", "output", "rule" or "point"."""
        if self.path is None:
            return
        for _, line in read(self.path):
            if line["what"] == what:
                yield line


def read(path):
    """Yield (line number, object) of a file."""
    with open(path) as file:
        number = 0
        while True:
            text = file.readline(_LINE_MAX + 1)
            if not text:
                return
            number += 1
            if len(text) > _LINE_MAX:
                raise ValueError(f"line {number}: longer than {_LINE_MAX} characters")
            try:
                line = json.loads(text)
            except ValueError:
                raise ValueError(f"line {number}: not JSON")
            if not isinstance(line, dict):
                raise ValueError(f"line {number}: not an object")
            yield number, line
