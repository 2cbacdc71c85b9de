"""What a person can do, how it ended, and who did it.

Generated from host/firegrid/verbs.toml by `python -m firegrid.generate`: do not edit.
"""

from micropython import const

ACKNOWLEDGE = const(1)
SILENCE = const(2)
RESET = const(3)
BYPASS = const(4)
WALK_TEST = const(5)
DRILL = const(6)
SELF_TEST = const(7)
VERBS = ("", "acknowledge", "silence", "reset", "bypass", "walk_test", "drill", "self_test")

DONE = const(0)
REFUSED = const(1)
ENDED = const(2)
EXPIRED = const(3)
RESULTS = ("done", "refused", "ended", "expired")

ITSELF = const(0)
BUTTON = const(1)
DESK = const(2)
CONSOLE = const(3)
HOWS = ("itself", "button", "desk", "console")

MINUTES = {SILENCE: (10, 30), BYPASS: (240, 4320), WALK_TEST: (30, 240), DRILL: (10, 60)}
REASONS_MAX = const(7)
