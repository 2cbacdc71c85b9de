"""The record of an act, and what is said of it on the wire. Loaded only when somebody acts."""

import struct

from lib.record import ACT, flags
from lib.verbs import HOWS, RESULTS, VERBS

_ACT = "<IHHIHIBBII"


def pack_act(record, clock, verb, result, author, point, minutes):
    """Pack what an author (how, person, reason, command) did to a point, None for the gateway.

    In place of the conditions: verb, result << 4, how << 6. In place of the value: minutes << 19,
    reason << 14, person. In place of the limit: the number of the command, 0 for none.
    """
    how, person, reason, command = author
    struct.pack_into(
        _ACT,
        record,
        0,
        0,
        clock.boot,
        point.number if point else 0,
        clock.up_s,
        flags(clock, point.mode if point else 0),
        clock.time_s(),
        ACT,
        verb | result << 4 | how << 6,
        minutes << 19 | reason << 14 | person,
        command,
    )


def unpack_act(record):
    """Return (verb, result, how, minutes, reason, person, command) of an event ACT."""
    bits, said, command = struct.unpack_from(_ACT, record)[-3:]
    return (
        bits & 15,
        bits >> 4 & 3,
        bits >> 6,
        said >> 19,
        said >> 14 & 31,
        said & 0x3FFF,
        command,
    )


def act_text(record):
    """Return what an act says beyond the keys of any event."""
    verb, result, how, minutes, reason, person, command = unpack_act(record)
    return (
        f',"verb":"{VERBS[verb]}","result":"{RESULTS[result]}","how":"{HOWS[how]}",'
        f'"person":{person},"reason":{reason},"minutes":{minutes},"id":{command}'
    )
