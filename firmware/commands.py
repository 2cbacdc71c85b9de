"""Commands from the desk: one verb each, carried out at most once, answered by one event."""

import json

from lib.verbs import DESK, EXPIRED, MINUTES, REASONS_MAX, REFUSED, VERBS

BYTES_MAX = 256
_SEEN = 8  # the broker may deliver a command again
_U32 = 0xFFFFFFFF
_PERSON_MAX = 0x3FFF


class Commands:
    """Takes payloads of down/command; `unread` counts those that were none."""

    def __init__(self, operation, recorder, clock):
        self._operation = operation
        self._recorder = recorder
        self._clock = clock
        self._seen = []  # the last ids, whatever became of them
        self._sequence = -1  # of the last one that was carried out
        self.unread = 0

    def take(self, payload):
        """Carry out a command, or answer why not. What cannot be read is no command."""
        try:
            said = read(payload)
        except (ValueError, KeyError, TypeError) as error:
            self.unread += 1
            print("command not understood:", repr(error))
            return
        if said["id"] not in self._seen:
            self._seen = self._seen[1 - _SEEN :] + [said["id"]]
            self._carry_out(said)

    def _carry_out(self, said):
        verb = VERBS.index(said["verb"])
        author = (DESK, said["issuer"], said["reason"], said["id"])
        found, point = self._operation.find(said["point"])
        refusal = self._refusal(said, found)
        if refusal:
            self._recorder.act(verb, refusal, author, point, said["minutes"])
        else:
            self._sequence = said["sequence"]
            self._operation.act(verb, point, said["minutes"], author)

    def _refusal(self, said, found):
        now_s = self._clock.time_s()
        if now_s and now_s >= said["expires_s"]:
            return EXPIRED
        known = now_s and found  # without a clock nobody can tell how old it is
        return 0 if known and said["sequence"] > self._sequence else REFUSED


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
