"""What a person types at the serial port: a verb a line, in the words of `help`."""

from lib.codes import STARTING
from lib.payload import decimal
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
from operation import Author

HELP = """\
status                                        what stands now
ack [POINT]                                   a person has seen it
silence [MINUTES]                             stop the sounder until the next alarm
reset [POINT]                                 let go of what is latched and over
bypass POINT [MINUTES] [REASON] [PERSON]      take a point out of service
test POINT|all [MINUTES]                      walk test: chirps, no siren
drill POINT|all [MINUTES]                     an exercise, as if it were real
selftest                                      switch every output on for a moment
MINUTES 0 ends; REASON and PERSON are numbers."""

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
_CONDITIONS = ("ALARM", "PRE_ALARM", "SUPERVISORY", "TROUBLE")


def carry_out(line, operation, clock):
    """Carry out a line; return the answer."""
    words = line.split()
    if not words:
        return ""
    if words[0] == "status":
        return status(operation.panel, clock.ms())
    if words[0] not in _LINES:
        return HELP if words[0] == "help" else f"unknown: {words[0]}; type help"
    verb, names = _LINES[words[0]]
    try:
        numbers = _numbers(words[1:], names, verb)
    except ValueError as error:
        return str(error)
    found, point = operation.find(numbers.get("point", 0))
    if not found:
        return f"there is no point {numbers['point']}"
    author = Author(CONSOLE, numbers.get("person", 0), numbers.get("reason", 0))
    result = operation.act(verb, point, numbers.get("minutes", 0), author)
    return VERBS[verb] + " " + RESULTS[result]


def _numbers(words, names, verb):
    """Return the numbers of a line by name; raise ValueError where one is wrong."""
    if len(words) > len(names):
        raise ValueError("too many words; type help")
    usual, most = MINUTES.get(verb, (0, 0))
    numbers = {"minutes": usual}
    highest = {"point": 0xFFFF, "minutes": most, "reason": REASONS_MAX, "person": 0x3FFF}
    for at, given in enumerate(names):
        name = given.lower()
        if at >= len(words):
            if name != given:
                raise ValueError(f"which {name}? type help")
            continue
        word = "0" if name == "point" and words[at] == "all" else words[at]
        if not word.isdigit() or int(word) > highest[name]:
            raise ValueError(f"{name} {word} is no whole number of 0..{highest[name]}")
        numbers[name] = int(word)
    return numbers


def status(panel, now_ms):
    """Return what stands now: a line for each point that is not normal, then what runs."""
    lines = []
    for point in [panel.gateway] + panel.points:
        if point.conditions or point.bypassed or point.mode or point.code > STARTING:
            lines.append(_point(point))
    for act in panel.running:
        place = act.point.number if act.point else "all"
        lines.append(f"{VERBS[act.verb]} {place}: {act.left_s(now_ms)} s left")
    return "\n".join(lines) or f"{len(panel.points)} points, all normal"


def _point(point):
    words = [word for at, word in enumerate(_CONDITIONS) if point.conditions >> at & 1]
    words += ["bypassed"] if point.bypassed else []
    words += [("", "test", "drill")[point.mode]] if point.mode else []
    value = f"code {point.code}" if point.value is None else f"{decimal(point.value)} {point.unit}"
    return f"{point.number} {point.kind}: {' '.join(words) or 'normal'} {value}"
