"""The check of the gateway's configuration: whole, before any of it is used. Needed at the start
only.

A file that does not pass is refused by name, and the last good one is used.
"""

from micropython import const

from lib.kinds import KINDS
from lib.rules import ACTUATORS, OUTPUTS, PATTERNS
from lib.wiring import DRIVERS, GATEWAY, RS485
from settings import Settings, read

FORMAT = const(1)
PATH = "/etc/config.jsonl"
LAST_GOOD = "/etc/config.good.jsonl"
POINTS_MAX = const(64)

_TEXT_MAX = const(64)
_PIN_MAX = const(39)
_STATION_MAX = const(247)
_GATEWAY_TEXTS = ("site", "gateway", "broker_host", "wifi_ssid", "wifi_key")
_GATEWAY_PINS = ("button_pin", "scl_pin", "sda_pin")
_RS485_PINS = ("tx_pin", "rx_pin", "de_pin")
_CONDITIONS = ("alarm", "pre_alarm", "supervisory", "trouble")
_POINT_TEXTS = ("kind", "quantity", "driver", "input")


def load(newest=PATH, last_good=LAST_GOOD):
    """Return the newest configuration that passes; keep a copy of it as the last good one."""
    refused = None
    for path in (newest, last_good):
        try:
            check(path)
        except (OSError, ValueError) as error:
            refused = refused or f"{path}: {error}"
            continue
        if path == newest:
            _keep(newest, last_good)
        return Settings(path, refused)
    return Settings(None, refused)


def check(path):
    """Raise ValueError, naming line and key, unless the whole file can be used."""
    head = None
    outputs = set()
    rules = {}  # (output, condition, kind or point) of each, and its line
    seen = set()  # points, and "rs485" once its line has come
    for number, line in read(path):
        try:
            if head is None:
                head = _check_gateway(line)
            else:
                _check_line(line, number, outputs, rules, seen)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}")
    if head is None:
        raise ValueError("empty")
    seen.discard("rs485")
    if len(seen) != head["points"]:
        raise ValueError(f"cut off: {len(seen)} of {head['points']} points")
    for (_, _, target), number in rules.items():
        if isinstance(target, int) and target not in seen:
            raise ValueError(f"line {number}: point {target} is not there")


def _check_line(line, number, outputs, rules, seen):
    what = line.get("what")
    if what == "output":
        _check_output(line, outputs)
    elif what == "rule":
        _check_rule(line, number, outputs, rules)
    elif what == "rs485":
        _check_rs485(line)
        seen.add("rs485")
    else:
        _check_point(line, seen, "rs485" in seen)


def _check_gateway(line):
    if line.get("what") != "gateway":
        raise ValueError("the first line must be the gateway's")
    if line.get("format") != FORMAT:
        raise ValueError(f"format {line.get('format')}, this firmware reads {FORMAT}")
    known = {"what", "format", "version", "points"}
    _number(line, "version", 1, 0x3FFFFFFF)
    _number(line, "points", 0, POINTS_MAX)
    for key in _GATEWAY_TEXTS:
        _text(line, key)
        known.add(key)
    for key in _GATEWAY_PINS:
        _number(line, key, 0, _PIN_MAX)
        known.add(key)
    for key, (low, high, _) in GATEWAY.items():
        _number(line, key, low, high)
        known.add(key)
    _no_other(line, known)
    return line


def _check_output(line, outputs):
    _word(line, "name", OUTPUTS)
    if line["name"] in outputs:
        raise ValueError(f"output {line['name']} stands twice")
    _number(line, "pin", 0, _PIN_MAX)
    _number(line, "active", 0, 1)
    _no_other(line, ("what", "name", "pin", "active"))
    outputs.add(line["name"])


def _check_rule(line, number, outputs, rules):
    target = "point" if "point" in line else "kind"
    _no_other(line, ("what", "output", "when", target, "pattern", "stays", "drills"))
    _word(line, "output", ACTUATORS)
    if line["output"] not in outputs:
        raise ValueError(f"output {line['output']} is not there")
    _word(line, "when", _CONDITIONS)
    if target == "point":
        _number(line, "point", 1, 65535)
    else:
        _word(line, "kind", {name.split("/")[0] for name in KINDS})
    _word(line, "pattern", [name for name, _ in PATTERNS])
    _number(line, "stays", 0, ACTUATORS[line["output"]])
    _number(line, "drills", 0, 1)
    if ACTUATORS[line["output"]] and line["pattern"] not in ("off", "steady"):
        raise ValueError(f"pattern {line['pattern']}: {line['output']} is never pulsed")
    rule = (line["output"], line["when"], line[target])
    if rule in rules:
        raise ValueError(f"rule {rule[0]} at {rule[1]} of {rule[2]} stands twice")
    rules[rule] = number


def _check_rs485(line):
    for key in _RS485_PINS:
        _number(line, key, 0, _PIN_MAX)
    for key, (low, high, _) in RS485.items():
        _number(line, key, low, high)
    _no_other(line, ("what",) + _RS485_PINS + tuple(RS485))


def _check_point(line, seen, has_rs485):
    if line.get("what") != "point":
        raise ValueError(f"what {line.get('what')} is none of output, rule, point, rs485")
    _number(line, "point", 1, 65535)
    if line["point"] in seen:
        raise ValueError(f"point {line['point']} stands twice")
    known = {"what", "point", "period_ms"}
    for key in _POINT_TEXTS:
        _text(line, key)
        known.add(key)
    _check_driver(line, known)
    _check_bus(line["input"], has_rs485)
    _check_levels(line, known)
    _no_other(line, known)
    seen.add(line["point"])


def _check_driver(line, known):
    name = line["kind"] + "/" + line["quantity"]
    if name not in KINDS:
        raise ValueError(f"quantity {name} is unknown")
    driver = DRIVERS.get(line["driver"])
    if driver is None or name not in driver[0]:
        raise ValueError(f"driver {line['driver']} does not deliver {name}")
    if not line["input"].startswith(driver[1]):
        raise ValueError(f"input {line['input']} is none of {', '.join(driver[1])}")
    for key, (low, high, _) in driver[2].items():
        _number(line, key, low, high)
        known.add(key)
    if name in driver[3]:
        low, high, _ = driver[3][name]
        _number(line, "span", low, high)
        known.add("span")


def _check_bus(name, has_rs485):
    """What stands behind the bus in an input's name."""
    if name.startswith("rs485"):
        if not has_rs485:
            raise ValueError(f"input {name} has no line rs485 above it")
        good = name[6:].isdigit() and 1 <= int(name[6:]) <= _STATION_MAX
    elif name.startswith("onewire"):
        pin, _, rom = name[7:].partition("/")
        good = pin.isdigit() and int(pin) <= _PIN_MAX and _is_rom(rom)
    else:
        return
    if not good:
        raise ValueError(f"input {name} names nothing on its bus")


def _is_rom(text):
    for char in text:
        if char not in "0123456789abcdef":
            return False
    return len(text) in (0, 16)


def _check_levels(line, known):
    _, _, period_min, period_max, levels = KINDS[line["kind"] + "/" + line["quantity"]]
    _number(line, "period_ms", period_min, period_max)
    for level in levels:
        name = level[0]
        bounds = level[5:]
        for at, suffix in enumerate(("", "_hysteresis", "_hold_ms", "_clear_hold_ms")):
            _number(line, name + suffix, bounds[2 * at], bounds[2 * at + 1])
            known.add(name + suffix)


def _number(line, key, low, high):
    value = line.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key} {value} is no whole number")
    if not low <= value <= high:
        raise ValueError(f"{key} {value} is outside {low}..{high}")


def _word(line, key, words):
    _text(line, key)
    if line[key] not in words:
        raise ValueError(f"{key} {line[key]} is none of {', '.join(words)}")


def _text(line, key):
    value = line.get(key)
    if not isinstance(value, str) or len(value) > _TEXT_MAX:
        raise ValueError(f"{key} {value} is no text of at most {_TEXT_MAX} characters")


def _no_other(line, known):
    for key in line:
        if key not in known:
            raise ValueError(f"{key} is unknown")


def _keep(newest, last_good):
    """Copy the newest file over the last good one, unless they are the same."""
    if _same(newest, last_good):
        return
    with open(newest, "rb") as source, open(last_good, "wb") as target:
        while True:
            piece = source.read(512)
            if not piece:
                return
            target.write(piece)


def _same(one, other):
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            while True:
                piece = first.read(512)
                if piece != second.read(512):
                    return False
                if not piece:
                    return True
    except OSError:
        return False
