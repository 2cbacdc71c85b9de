"""Commands from the desk: one verb each, carried out at most once, answered by one event."""

import json

from lib.verbs import DESK, EXPIRED, MINUTES, REASONS_MAX, REFUSED, VERBS
from operation import Author

BYTES_MAX = 256
_SEEN = 8  # the broker may deliver a command again
_U32 = 0xFFFFFFFF
_PERSON_MAX = 0x3FFF


class Commands:
    """Takes payloads of down/command."""

    def __init__(self, operation, recorder, clock):
        self._operation = operation
        self._recorder = recorder
        self._clock = clock
        self._seen = []
        self._sequence = 0  # of the last one that was carried out

    def take(self, payload):
        """Carry out a command, or answer why not. What cannot be read is no command."""
        try:
            self._carry_out(_read(payload))
        except (ValueError, KeyError, TypeError) as error:
            print("command not understood:", error)

    def _carry_out(self, said):
        command = said["id"]
        if command in self._seen:
            return
        self._seen = self._seen[1 - _SEEN :] + [command]
        verb = VERBS.index(said["verb"])
        minutes = said["minutes"]
        author = Author(DESK, said["issuer"], said["reason"], command)
        found, point = self._operation.find(said["point"])
        result = self._refusal(said, found)
        if result:
            self._recorder.act(verb, result, author, point, minutes)
        else:
            self._sequence = said["sequence"]
            self._operation.act(verb, point, minutes, author)

    def _refusal(self, said, found):
        now_s = self._clock.time_s()
        if now_s and now_s >= said["expires_s"]:
            return EXPIRED
        known = now_s and found  # without a clock nobody can tell how old it is
        return 0 if known and said["sequence"] > self._sequence else REFUSED


def _read(payload):
    """Return the command as a dict with every key; raise where it is none."""
    if len(payload) > BYTES_MAX:
        raise ValueError("too long")
    said = json.loads(payload)
    verb = VERBS.index(said["verb"])
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
            raise ValueError(f"{key} {value} is outside {low}..{high}")
    if not verb:
        raise ValueError("no verb")
    return said
