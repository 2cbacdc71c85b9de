"""What a person can do at the gateway, what comes of it, and who did it.

Generated from host/firegrid/verbs.toml by `python -m firegrid.generate`: do not edit.

MINUTES[verb] = (default, most); VERBS, RESULTS and HOWS are their names on the wire.
"""

from micropython import const

ACKNOWLEDGE = const(1)
SILENCE = const(2)
RESET = const(3)
BYPASS = const(4)
WALK_TEST = const(5)
DRILL = const(6)
SELF_TEST = const(7)

DONE = const(0)
REFUSED = const(1)
ENDED = const(2)
EXPIRED = const(3)

ITSELF = const(0)
BUTTON = const(1)
DESK = const(2)
CONSOLE = const(3)

REASONS_MAX = const(7)
MINUTES = {
    SILENCE: (10, 30),
    BYPASS: (240, 4320),
    WALK_TEST: (30, 240),
    DRILL: (10, 60),
}

VERBS = ("", "acknowledge", "silence", "reset", "bypass", "walk_test", "drill", "self_test")
RESULTS = ("done", "refused", "ended", "expired")
HOWS = ("itself", "button", "desk", "console")
