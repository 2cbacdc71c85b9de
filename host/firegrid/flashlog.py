"""Reads the image of a gateway's journal partition, byte for byte as docs/SPEC-journal.md says.

It shares nothing with the firmware's own reader, so that each can be held against the other.
"""

import struct
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from firegrid import wire
from firegrid.errors import FiregridError

__all__ = ["LANES", "SECTOR_BYTES", "Fault", "Image", "Sector", "read_image"]

SECTOR_BYTES = 4096
HEADER_BYTES = RECORD_BYTES = 32
HALF_BYTES = NOTE_BYTES = 16
NAME, FORMAT = b"FGJ", 1
LANES = ("events", "samples")

_ERASED = struct.Struct("<3sBIB3x")
_OPENED = struct.Struct("<III")
_STAMP = struct.Struct("<IHHIH")
_EVENT = struct.Struct("<IBBii")
_SAMPLE = struct.Struct("<HBBihhh")
_NOTE = struct.Struct("<BBH8s")
_STAMP_BYTES, _POSITION, _STATE = 14, 1, 2
_NO_VALUE = -0x80000000
_CODES = 256


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not as it should be, and where: sector, and byte in it."""

    sector: int
    offset: int
    what: str


@dataclass(slots=True)
class Sector:
    """One sector: its state is blank, cleared, erased, used, stale, torn, strange or format."""

    place: int
    state: str
    erases: int | None = None
    serial: int | None = None
    first: int | None = None
    epoch: int | None = None
    records: int = 0


@dataclass(slots=True)
class State:
    """What outlives a reset of a point: condition bits, and what runs for a time."""

    conditions: int = 0
    acknowledged: int = 0
    bypassed: bool = False
    walk_test: bool = False
    drill: bool = False
    silenced: bool = False


@dataclass(slots=True)
class Image:
    """All that stands in a partition. `records` are those that can be read, oldest first."""

    lane: str = ""
    epoch: int | None = None
    stored: int = 0
    told: int = 0
    sectors: list[Sector] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)  # by point, as of the last record
    faults: list[Fault] = field(default_factory=list)


def read_image(data: bytes, sector_bytes: int = SECTOR_BYTES) -> Image:
    """Return what an image holds; FiregridError where it cannot be one of a journal."""
    if not data or len(data) % sector_bytes:
        raise FiregridError(
            f"{len(data)} bytes are no whole sectors of {sector_bytes} bytes",
            "give the image of a whole partition, `events` or `samples`",
        )
    places = range(len(data) // sector_bytes)
    parts = [data[place * sector_bytes : (place + 1) * sector_bytes] for place in places]
    image = Image()
    for place, part in enumerate(parts):
        image.sectors.append(_sector(image, place, part))
    if {sector.state for sector in image.sectors} <= {"strange"}:
        raise FiregridError("no sector has a header", "is this the image of a journal?")
    chain = _chain(image.sectors)
    for age, sector in enumerate(chain, 1):
        after = chain[age] if age < len(chain) else None
        _read_sector(image, sector, after, parts[sector.place])
    if chain:
        image.epoch = chain[-1].epoch
    image.states = {point: state for point, state in image.states.items() if state != State()}
    image.faults.sort(key=lambda fault: (fault.sector, fault.offset))
    return image


def _sealed(part: bytes) -> bool:
    return crc32(part[:-4]) == int.from_bytes(part[-4:], "little")


def _blank(part: bytes) -> bool:
    return part.count(0xFF) == len(part)


def _sector(image: Image, place: int, part: bytes) -> Sector:
    """Read a header: the half that was written after the erase, the half of the opening."""
    erased, opened = part[:HALF_BYTES], part[HALF_BYTES:HEADER_BYTES]
    if _blank(erased) or not any(erased):
        return Sector(place, "blank" if any(erased) else "cleared")
    name, version, erases, lane = _ERASED.unpack(erased[:-4])
    if not _sealed(erased) or name != NAME or lane >= len(LANES):
        image.faults.append(Fault(place, 0, "header"))
        return Sector(place, "strange")
    if version != FORMAT:
        image.faults.append(Fault(place, 0, "format"))
        return Sector(place, "format")
    image.lane = LANES[lane]
    if _blank(opened):
        return Sector(place, "erased", erases)
    if not _sealed(opened):
        image.faults.append(Fault(place, HALF_BYTES, "header"))
        return Sector(place, "torn", erases)
    return Sector(place, "used", erases, *_OPENED.unpack(opened[:-4]))


def _chain(sectors: list[Sector]) -> list[Sector]:
    """Return the sectors in use, oldest first; what is left over from another round is stale."""
    used = [sector for sector in sectors if sector.state == "used"]
    if not used:
        return []
    newest = max(used, key=_serial)
    chain = [newest]
    for age in range(1, len(sectors)):
        sector = sectors[(newest.place - age) % len(sectors)]
        if sector.state != "used":
            continue
        if _serial(newest) - age <= _serial(sector) < _serial(chain[0]) and (
            _first(sector) <= _first(chain[0])
        ):
            chain.insert(0, sector)
        else:
            sector.state = "stale"
    return chain


def _serial(sector: Sector) -> int:
    return sector.serial or 0


def _first(sector: Sector) -> int:
    return sector.first or 0


def _read_sector(image: Image, sector: Sector, after: Sector | None, part: bytes) -> None:
    """Records up from the header, as far as the next sector's first; notes down from the end."""
    slots = range(HEADER_BYTES, len(part) - RECORD_BYTES + 1, RECORD_BYTES)
    found = {}
    for index, at in enumerate(slots):
        slot = part[at : at + RECORD_BYTES]
        n = _first(sector) + index
        if _sealed(slot) and int.from_bytes(slot[:4], "little") == n:
            found[index] = slot
    end = _first(after) - _first(sector) if after else max(found, default=-1) + 1
    floor = _read_notes(image, sector, part, HEADER_BYTES + end * RECORD_BYTES)
    for index in range(end):
        if index in found:
            image.records.append(_record(found[index], image.lane))
            sector.records += 1
            if image.lane == LANES[0]:
                _follow(image.states, found[index])
        else:
            at = HEADER_BYTES + index * RECORD_BYTES
            image.faults.append(Fault(sector.place, at, "record"))
    torn = HEADER_BYTES + end * RECORD_BYTES
    if torn + RECORD_BYTES <= floor and not _blank(part[torn : torn + RECORD_BYTES]):
        image.faults.append(Fault(sector.place, torn, "torn record"))


def _read_notes(image: Image, sector: Sector, part: bytes, limit: int) -> int:
    """Take in a sector's notes; return where the lowest begins."""
    floor = len(part)
    while floor - NOTE_BYTES >= limit:
        note = part[floor - NOTE_BYTES : floor]
        if _blank(note):
            break
        floor -= NOTE_BYTES
        kind, _, point, payload = _NOTE.unpack(note[:-4])
        if not _sealed(note):
            image.faults.append(Fault(sector.place, floor, "torn note"))
        elif kind == _POSITION:
            stored, told = struct.unpack("<II", payload)
            image.stored, image.told = max(image.stored, stored), max(image.told, told)
        elif kind == _STATE:
            image.states[point] = _state(payload)
    return floor


def _state(payload: bytes) -> State:
    flags = [bool(payload[1] >> bit & 1) for bit in range(4)]
    return State(payload[0] & 15, payload[0] >> 4, *flags)


def _follow(states: dict[int, State], slot: bytes) -> None:
    """Take in what an event changes in what stands."""
    _, _, point, _, flags = _STAMP.unpack_from(slot)
    _, event, bits, _, _ = _EVENT.unpack(slot[_STAMP_BYTES:-4])
    name = _named(("", *wire.EVENTS), event)
    if name == "condition" and point:
        mode = _named(wire.MODES, flags >> 10 & 3)
        _take_conditions(states.setdefault(point, State()), bits, mode)
    elif name == "act":
        verb = _named(("", *wire.VERBS), bits & 15)
        result = _named(wire.RESULTS, bits >> 4 & 3)
        if result in ("done", "ended"):
            _take_act(states, point, verb, result == "done", by_person=bits >> 6 != 0)


def _take_conditions(state: State, bits: int, mode: str) -> None:
    if mode == "test":
        return
    now, changed = bits & 15, bits >> 4
    state.conditions = now & ~1 if mode == "drill" else now
    state.acknowledged &= ~changed & state.conditions


def _take_act(
    states: dict[int, State], point: int, verb: str, done: bool, *, by_person: bool
) -> None:
    if verb == "acknowledge" and done:
        for state in [states[point]] if point in states else [] if point else states.values():
            state.acknowledged = state.conditions
    flag = {"bypass": "bypassed", "silence": "silenced"}.get(verb, verb)
    if not hasattr(State(), flag):
        return
    if not point and (done or by_person):  # it is about all points
        for state in states.values():
            setattr(state, flag, False)
    setattr(states.setdefault(point, State()), flag, done)


def _record(slot: bytes, lane: str) -> dict[str, Any]:
    n, boot, point, up_s, flags = _STAMP.unpack_from(slot)
    stamp = {
        "n": n,
        "boot": boot,
        "point": point,
        "up_s": up_s,
        "up_ms": flags & 0x3FF,
        "mode": _named(wire.MODES, flags >> 10 & 3),
        "time_quality": _named(wire.TIME_QUALITIES, flags >> 12 & 3),
    }
    rest = slot[_STAMP_BYTES:-4]
    return stamp | dict(_event(rest) if lane == LANES[0] else _sample(rest))


def _event(rest: bytes) -> Iterator[tuple[str, Any]]:
    time_s, event, bits, value, limit = _EVENT.unpack(rest)
    code = value - _NO_VALUE
    yield "time_s", time_s or None
    yield "event", _named(("", *wire.EVENTS), event)
    yield "conditions", bits & 15
    yield "changed", bits >> 4
    yield "value", None if code < _CODES else value / 1000
    yield "limit", None if limit == _NO_VALUE else limit / 1000
    yield "code", code if code < _CODES else 0


def _sample(rest: bytes) -> Iterator[tuple[str, Any]]:
    interval_s, shift, _, last, low, mean, high = _SAMPLE.unpack(rest)
    yield "interval_s", interval_s
    for name, steps in (("min", low), ("mean", mean), ("max", high)):
        yield name, (last + (steps << shift)) / 1000
    yield "last", last / 1000


def _named(names: tuple[str, ...], number: int) -> str:
    """A newer firmware may know more words: show its number."""
    return names[number] if number < len(names) and names[number] else str(number)
