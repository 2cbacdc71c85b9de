"""Plays a trace at a gateway's inputs through the real firmware in the VM, in driven time.

A trace is what a sensor's place does (`smoke_db_m`, `pressure_kpa`, …); the simulator's electrical
side turns it into volts, the simulated converters into readings. Minutes take a second, and every
time is the board's own, so nothing depends on the machine:

    smoke = site.point("smoke-duct")
    track = track_of(smoke, "smoke_db_m", [(0, 0.0), (60, 0.2), (120, 0.2)])
    played = play(site, [track], tmp_path)
    assert played.came_s(smoke, ALARM) == …

The last row says when the trace ends. Points of one gateway can be played together.
"""

import csv
import json
import struct
from dataclasses import astuple, replace
from pathlib import Path
from typing import NamedTuple

from firegrid.site.config import config_lines
from firegrid.site.model import Point
from firegrid_sim.board import I2C_OK, NO_VALUE, Channel, Edge, Io, Reading, Tap, channel_index
from firegrid_sim.electrical import sensor_for
from vm import ROOT, new_board, run_board

_ROW = struct.Struct("<QI24s")
_CHANNEL = struct.Struct("<fffffI")
_READING = struct.Struct("<QIHBBi")
_EDGE = struct.Struct("<QIBBH")
_PLAYER = Path(__file__).parent / "firmware" / "trace_player.py"
_NOT_PLAYED = {"boot.py", "main.py", "mypy.ini", "ruff.toml", "__pycache__"}
_TICKS = 2**30


class Track(NamedTuple):
    """What one point's input sees: from each moment (s) on, until the last."""

    point: Point
    steps: list[tuple[float, Channel]]


class Seen(NamedTuple):
    """A reading as its point took it, in seconds of the trace."""

    at_s: float
    conditions: int
    code: int
    value: int | None


class Played(NamedTuple):
    """What the gateway did: readings by point number, and each change of an output pin."""

    readings: dict[int, list[Seen]]
    edges: list[tuple[float, int, int]]  # when (s), pin, level

    def came_s(self, point, bit):
        """Return when a condition of a point first stood."""
        readings = self.readings[point.number]
        return next((seen.at_s for seen in readings if seen.conditions & bit), None)

    def went_s(self, point, bit):
        """Return when a condition that had stood went, None while it stands or never did."""
        stood = False
        for seen in self.readings[point.number]:
            if stood and not seen.conditions & bit:
                return seen.at_s
            stood = bool(seen.conditions & bit)
        return None

    def stays_s(self, pin):
        """Return from when on an output pin was high until the end, None where it was not."""
        changes = [(at_s, level) for at_s, edge, level in self.edges if edge == pin]
        return changes[-1][0] if changes and changes[-1][1] else None

    def rose_s(self, pin):
        """Return when an output pin first went high."""
        return next((at_s for at_s, edge, level in self.edges if (edge, level) == (pin, 1)), None)


def track_of(point, signal, rows):
    """Return the track of a trace; each value stands until the next row."""
    sensor = sensor_for(point)
    steps = []
    for at_s, value in rows:
        sensor.set(signal, value)
        steps.append((at_s, sensor.channel()))
    return Track(point, steps)


def read_rows(path, column):
    """Return the rows of a CSV trace with a column `time_s`: (seconds, value of `column`)."""
    with path.open() as file:
        return [(float(row["time_s"]), float(row[column])) for row in csv.DictReader(file)]


def play(site, tracks, directory, start_ms=0, phase_ms=0):
    """Play tracks of one gateway's points to their end.

    `start_ms` is what ticks_ms() says at the start: 2**30 - 5000 wraps after 5 s. `phase_ms` is
    how long before the trace the sampling began: it moves all readings against the trace.
    """
    gateway = site.gateway(tracks[0].point.gateway)
    alone = replace(site, points=tuple(track.point for track in tracks))
    board = new_board(directory / "board")
    lines = config_lines(alone, gateway, "127.0.0.1", 9)
    (board / "flash" / "etc" / "config.jsonl").write_text("\n".join(map(json.dumps, lines)))
    _wire(board, tracks)
    (board / "trace.bin").write_bytes(_rows(tracks, phase_ms))
    env = {"FG_TICKS_START": start_ms, "FG_TAP_READINGS": 1}
    done = run_board(board, _app(directory / "app"), heap="2M", timeout_s=240, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return _played(board, tracks, start_ms + phase_ms)


def _app(directory):
    """Return a folder with the firmware's sources and the player in place of the application."""
    directory.mkdir()
    for path in (ROOT / "firmware").iterdir():
        if path.name not in _NOT_PLAYED:
            (directory / path.name).symlink_to(path)
    (directory / "boot.py").touch()
    (directory / "main.py").symlink_to(_PLAYER)
    return directory


def _wire(board, tracks):
    io = Io(board / "io.bin")
    for track in tracks:
        io.set_channel(track.point.input, track.steps[0][1])
        address = sensor_for(track.point).address
        if address is not None:
            io.set_i2c(address, I2C_OK)
    io.close()


def _rows(tracks, phase_ms):
    rows = [
        (round(at_s * 1000) + phase_ms, channel_index(track.point.input), _packed(channel))
        for track in tracks
        for at_s, channel in track.steps
    ]
    return b"".join(_ROW.pack(*row) for row in sorted(rows, key=lambda row: row[0]))


def _packed(channel):
    return _CHANNEL.pack(*astuple(channel))


def _played(board, tracks, zero_ms):
    readings = {track.point.number: [] for track in tracks}
    times = _Seconds(zero_ms)
    for reading in Tap(board / "readings.bin", _READING, Reading).new():
        value = None if reading.value == NO_VALUE else reading.value
        seen = Seen(times.of(reading.ticks_ms), reading.conditions, reading.code, value)
        readings[reading.point].append(seen)
    times = _Seconds(zero_ms)
    edges = [
        (times.of(edge.ticks_ms), edge.pin, edge.value)
        for edge in Tap(board / "edges.bin", _EDGE, Edge).new()
    ]
    return Played(readings, edges)


class _Seconds:
    """Ticks, which wrap, as seconds since a moment; to be asked in the order of time."""

    def __init__(self, zero_ms):
        self._last_ms = zero_ms
        self._since_ms = 0

    def of(self, ticks_ms):
        self._since_ms += (ticks_ms - self._last_ms + _TICKS // 2) % _TICKS - _TICKS // 2
        self._last_ms = ticks_ms
        return self._since_ms / 1000
