"""Commands from the desk: one verb each, carried out at most once, answered by one event.

Loaded only when one comes."""

import json

from micropython import const

from acts import find
from lib.verbs import DESK, EXPIRED, MINUTES, REASONS_MAX, REFUSED, VERBS

BYTES_MAX = 256
UNREAD = const(0)  # in what was heard: how many were no commands
_SEQUENCE = const(1)  # of the last one that was carried out
_IDS = const(2)  # from here on: the last ids, whatever became of them
_IDS_MAX = const(8)  # the broker may deliver a command again
_U32 = 0xFFFFFFFF
_PERSON_MAX = 0x3FFF


def take(payload, heard, operation):
    """Carry out a payload of down/command, or answer why not. What cannot be read is no command.

    `heard` is a list, empty at first, that this module keeps its numbers in."""
    if not heard:
        heard += [0, -1]
    try:
        said = read(payload)
    except (ValueError, KeyError, TypeError) as error:
        heard[UNREAD] += 1
        print("command", heard[UNREAD], "not understood:", repr(error))
        return
    if said["id"] in heard[_IDS:]:
        return
    heard[_IDS:] = heard[_IDS:][1 - _IDS_MAX :] + [said["id"]]
    verb = VERBS.index(said["verb"])
    author = (DESK, said["issuer"], said["reason"], said["id"])
    found, point = find(operation.panel.points, said["point"])
    refusal = _refusal(said, operation.clock.time_s(), found, heard[_SEQUENCE])
    if refusal:
        operation.recorder.act(verb, refusal, author, point, said["minutes"])
    else:
        heard[_SEQUENCE] = said["sequence"]
        operation.act(verb, point, said["minutes"], author)


def _refusal(said, now_s, found, last):
    """Return EXPIRED, REFUSED or 0. Without a clock nobody can tell how old a command is."""
    if now_s and now_s >= said["expires_s"]:
        return EXPIRED
    return 0 if now_s and found and said["sequence"] > last else REFUSED


def read(payload):
    """Return the command as a dict with every key; ValueError, KeyError, TypeError: it is none."""
    if len(payload) > BYTES_MAX:
        raise ValueError("too long")
    said = json.loads(payload)
    verb = VERBS.index(said["verb"])
    if not verb:
        raise ValueError("no verb")
    usual, most = MINUTES.get(verb, (0, 0))
    said["minutes"] = said.get("minutes", usual)
    said["reason"] = said.get("reason", 0)
    for key, low, high in (
        ("id", 1, _U32),
        ("issuer", 1, _PERSON_MAX),
        ("expires_s", 1, _U32),
        ("sequence", 0, _U32),
        ("point", 0, 0xFFFF),
        ("minutes", 0, most),
        ("reason", 0, REASONS_MAX),
    ):
        value = said[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(key)
    return said
