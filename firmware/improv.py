"""Improv: Wi-Fi credentials over the serial console. Loaded only while a frame is handled or a
network is tried.

A network is tried before it is kept: where it gives no address in 30 s, the gateway goes back to
the one that it had. There is no scan: it would hold up everything, alarms too, for seconds; asked
for networks, the gateway names the one that it was given.
"""

import json
import sys
from time import ticks_add, ticks_diff

from micropython import const

from lib.improv import Frame, command, frame, network, result

_TRY_MS = const(30000)
_FRAME_MS = const(2000)  # a frame comes in one go
_AWAY_DBM = const(-100)  # said of a network that is not joined
_STATE = const(1)  # types of frames
_ERROR = const(2)
_COMMAND = const(3)
_RESULT = const(4)
_SEND_WIFI = const(1)  # commands
_GET_STATE = const(2)
_GET_INFO = const(3)
_GET_NETWORKS = const(4)
_READY = const(2)  # states
_PROVISIONING = const(3)
_PROVISIONED = const(4)
_NO_ERROR = const(0)
_INVALID = const(1)
_UNKNOWN_COMMAND = const(2)
_UNABLE = const(3)
_FAILED = const(0xFF)


class Improv:
    """`operation` knows the time, and what the gateway says of itself; `head` is the
    configuration's gateway line, changed where a network is kept; `stream` is what answers are
    written to."""

    def __init__(self, operation, board, head, stream=None):
        self._clock = operation.clock
        self._said = operation.said
        self._board = board
        self._head = head
        self._stream = stream or sys.stdout.buffer
        self._frame = None
        self._due_ms = None  # when the frame must have ended
        self._asked = None  # (ssid, key) that is being joined
        self._until_ms = None  # how long it is tried; None: it is what the gateway goes back to
        self._went = False  # it has left the one before, and gone there

    def begin(self):
        """A mark has come: what follows is a frame."""
        self._frame = Frame()
        self._due_ms = ticks_add(self._clock.ms(), _FRAME_MS)

    def take(self, byte):
        """Take a byte and act where it ends a frame; return whether it belongs to one."""
        if self._frame is None:
            return False
        try:
            whole = self._frame.take(byte)
            if whole:
                self._frame = None
                if whole[0] == _COMMAND:  # the others are answers: an echo of our own
                    self.act(*command(whole[1]))
        except (ValueError, OSError) as error:
            self._frame = None
            self.tell(_ERROR, _INVALID if isinstance(error, ValueError) else _FAILED)
        return True

    def step(self):
        """Go on with what takes time; return whether there is more of it."""
        now_ms = self._clock.ms()
        if self._frame and ticks_diff(now_ms, self._due_ms) >= 0:
            self._frame = None
            self.tell(_ERROR, _INVALID)
        if self._asked:
            self._opening(now_ms)
        return bool(self._frame or self._asked)

    def act(self, number, data):
        """Carry out a command."""
        if number == _SEND_WIFI:
            self._asked = network(data)
            self._until_ms = ticks_add(self._clock.ms(), _TRY_MS)
            self._board.join_network(self._head["wifi_ssid"], self._head["wifi_key"])
            self._drop()
            self.tell(_ERROR, _NO_ERROR)
            self.tell(_STATE, _PROVISIONING)
        elif number == _GET_STATE:
            if self._until_ms is not None:
                self.tell(_STATE, _PROVISIONING)
            elif not self._board.has_network():
                self.tell(_STATE, _READY)
            else:
                self.tell(_STATE, _PROVISIONED)
                self._answer(number)
        elif number == _GET_INFO:
            name, _, said = self._said.partition(" ")
            known = json.loads(said)
            self._answer(number, name, known["firmware"], "ESP32", known["gateway"])
        elif number == _GET_NETWORKS:
            self._find(number)
            self._answer(number)
        else:
            self.tell(_ERROR, _UNKNOWN_COMMAND)

    def _find(self, number):
        ssid, key = self._head["wifi_ssid"], self._head["wifi_key"]
        if ssid:
            there = self._board.has_network()
            rssi_dbm = self._board.wlan.status("rssi") if there else _AWAY_DBM
            self._answer(number, ssid, str(rssi_dbm), "YES" if key else "NO")

    def _opening(self, now_ms):
        """A step on the way into a network."""
        wlan = self._board.wlan
        if self._went:
            if wlan.isconnected():
                self._keep()
                return
        elif not wlan.isconnected():  # the one before is left
            try:
                wlan.connect(*self._asked)
                self._went = True
            except OSError:
                pass  # not yet, or never
        if self._until_ms is None:
            if self._went:
                self._asked = None
        elif ticks_diff(now_ms, self._until_ms) >= 0:
            self._back(_UNABLE)

    def _keep(self):
        from wifi import keep

        ssid, key = self._asked
        try:
            keep(ssid, key)
        except OSError:
            self._back(_FAILED)
            return
        self._head["wifi_ssid"], self._head["wifi_key"] = ssid, key
        self._asked = self._until_ms = None
        self.tell(_STATE, _PROVISIONED)
        self._answer(_SEND_WIFI)

    def _back(self, error):
        ssid = self._head["wifi_ssid"]
        self._asked = (ssid, self._head["wifi_key"]) if ssid else None
        self._until_ms = None
        self._drop()
        self.tell(_ERROR, error)
        self.tell(_STATE, _READY)

    def _drop(self):
        self._went = False
        try:
            self._board.wlan.disconnect()
        except OSError:
            pass  # there is nothing to leave

    def _answer(self, number, *words):
        self._write(_RESULT, result(number, words))

    def tell(self, kind, value):
        """Send a state or an error."""
        self._write(kind, bytes([value]))

    def _write(self, kind, data):
        self._stream.write(frame(kind, data) + b"\n")
