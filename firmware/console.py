"""What a person types at the serial port: a verb a line, in the words of `help`."""

from acts import find
from lib.codes import STARTING
from lib.panel import left_s
from lib.payload import decimal
from lib.record import MODES
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    CONSOLE,
    DRILL,
    MINUTES,
    REASONS_MAX,
    RESET,
    RESULTS,
    SELF_TEST,
    SILENCE,
    VERBS,
    WALK_TEST,
)

HELP = """\
status                                     what stands now
who                                        who this is, and its self-test
ack [POINT]                                a person has seen it
silence [MINUTES]                          stop the sounder until the next alarm
reset [POINT]                              let go of what is latched and over
bypass POINT [MINUTES] [REASON] [PERSON]   take a point out of service
test POINT|all [MINUTES]                   walk test: chirps, no siren
drill POINT|all [MINUTES]                  an exercise, as if it were real
selftest                                   switch every output on for a moment
MINUTES 0 ends it; REASON and PERSON are numbers."""

# word: (verb, the numbers that may follow; those in capitals must)
_LINES = {
    "ack": (ACKNOWLEDGE, ("point",)),
    "silence": (SILENCE, ("minutes",)),
    "reset": (RESET, ("point",)),
    "bypass": (BYPASS, ("POINT", "minutes", "reason", "person")),
    "test": (WALK_TEST, ("POINT", "minutes")),
    "drill": (DRILL, ("POINT", "minutes")),
    "selftest": (SELF_TEST, ()),
}
_HIGHEST = {"point": 0xFFFF, "reason": REASONS_MAX, "person": 0x3FFF}
_DIGITS_MAX = 5
_CONDITIONS = ("ALARM", "PRE_ALARM", "SUPERVISORY", "TROUBLE")


def answer(line, most, operation, clock):
    """Carry out a line of at most so many bytes; return what to say."""
    try:
        if len(line) > most:
            raise ValueError(f"longer than {most} characters")
        words = bytes(line).decode().split()  # UnicodeError is a ValueError
        return _answer(words, operation, clock) if words else ""
    except ValueError as error:
        return f"not done: {error}; type help"


def _answer(words, operation, clock):
    first = words[0]
    if first == "help":
        return HELP
    if first == "status":
        return status(operation.panel, clock.ms())
    if first == "who":
        return operation.said
    if first not in _LINES:
        raise ValueError(f"{first} is unknown")
    verb, names = _LINES[first]
    numbers = _numbers(words[1:], names, verb)
    number = numbers.get("point", 0)
    found, point = find(operation.panel.points, number)
    if not found:
        raise ValueError(f"there is no point {number}")
    author = (CONSOLE, numbers.get("person", 0), numbers.get("reason", 0), 0)
    result, named = operation.act(verb, point, numbers.get("minutes"), author)
    said = VERBS[verb] + " " + RESULTS[result]
    return f"{said}: {_state(named)}" if named else said


def _numbers(words, names, verb):
    """Return the numbers of a line by name; raise ValueError where one is wrong."""
    if len(words) > len(names):
        raise ValueError("too many words")
    highest = {"minutes": MINUTES.get(verb, (0, 0))[1]}
    highest.update(_HIGHEST)
    numbers = {}
    for at, given in enumerate(names):
        name = given.lower()
        if at < len(words):
            may_be_all = given == "POINT" and verb != BYPASS
            numbers[name] = _number(name, words[at], highest[name], may_be_all)
        elif name != given:
            raise ValueError(f"which {name}?")
    return numbers


def _number(name, word, highest, may_be_all):
    if word == "all" and may_be_all:
        return 0
    if word.isdigit() and len(word) <= _DIGITS_MAX and int(word) <= highest:
        return int(word)
    raise ValueError(f"{name} {word} is no whole number of 0..{highest}")


def status(panel, now_ms):
    """Return what stands now: a line for each point that is not normal, then what runs."""
    lines = []
    for point in [panel.gateway] + panel.points:
        if point.conditions or point.bypassed or point.mode or point.code > STARTING:
            lines.append(_state(point))
    if panel.first_alarm:
        lines.append(f"first alarm: {panel.first_alarm.number}")
    for act in panel.running:
        verb, point, _ = act
        place = point.number if point else "all"
        lines.append(f"{VERBS[verb]} {place}: {left_s(act, now_ms)} s left")
    return "\n".join(lines) or f"{len(panel.points)} points, all normal"


def _state(point):
    words = [word for at, word in enumerate(_CONDITIONS) if point.conditions >> at & 1]
    words += ["bypassed"] if point.bypassed else []
    words += [MODES[point.mode]] if point.mode else []
    value = f"code {point.code}" if point.value is None else f"{decimal(point.value)} {point.unit}"
    return f"{point.number} {point.kind}: {' '.join(words) or 'normal'}, {value}"
