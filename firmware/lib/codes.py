"""Trouble codes: why a reading is missing, or what ails the gateway.

Generated from host/firegrid/codes.toml by `python -m firegrid.generate`: do not edit.
"""

from micropython import const

STARTING = const(1)
OPEN = const(2)
SHORT = const(3)
BELOW_RANGE = const(4)
ABOVE_RANGE = const(5)
NO_ANSWER = const(6)
RUBBISH = const(7)
SATURATED = const(8)
STUCK = const(9)
UNCALIBRATED = const(10)
BETWEEN = const(11)
SOILED = const(12)
BUS_EXCEPTION = const(13)
BUS_TIMEOUT = const(14)
BAD_FRAME = const(15)
CONFIG_REFUSED = const(20)
NO_BROKER = const(21)
NO_DESK = const(22)
RECORDS_LOST = const(23)
TASK_FAILED = const(24)
CLOCK_UNKNOWN = const(25)
READ_FAILED = const(26)
NOT_TAKEN = const(27)
