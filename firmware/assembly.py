"""From the configuration to wired points and outputs: needed at the start only."""

from drivers.indicator import Indicator
from lib.forget import scrap
from lib.kinds import KINDS, QUALIFY
from lib.level import Level
from lib.point import ALARM, PRE_ALARM, SUPERVISORY, TROUBLE, Point
from lib.rules import ACTUATORS, OUTPUTS, PATTERNS
from lib.samples import Summary
from lib.wiring import DRIVERS
from outputs import Ruled
from sampling import Channel

BITS = {"alarm": ALARM, "pre_alarm": PRE_ALARM, "supervisory": SUPERVISORY, "trouble": TROUBLE}


class Assembly:
    """What the configuration asks for; `head` is None where there is no usable one."""

    def __init__(self, board, clock):
        settings = checked()
        self.refused = settings.refused
        self.head = settings.head
        if self.head:
            self.head.update(told())
        self.indicators = {
            line["name"]: Indicator(board.output(line["pin"], line["active"]), line["active"])
            for line in settings.lines("output")
        }
        self.buses = [board.rs485(line) for line in settings.lines("rs485")]
        self.ruled = {
            name: Ruled(indicator, not ACTUATORS[name], 1 << OUTPUTS.index(name))
            for name, indicator in self.indicators.items()
            if name in ACTUATORS
        }
        rules = [(line, make_rule(line, self.ruled)) for line in settings.lines("rule")]
        now_ms = clock.ms()
        self.channels = [
            Channel(
                make_point(line),
                make_driver(line, self.head, board, clock, self.indicators),
                line["period_ms"],
                Summary(self.head["sample_s"], now_ms, deadband(line)),
                now_ms,
            )
            for line in settings.lines("point")
        ]
        of_kind = {}  # points of a kind without rules of their own share one tuple
        for channel in self.channels:
            apply(rules, of_kind, channel.point, self.ruled.get("sounder"))


def checked():
    """Return the configuration; the check of it goes before anything is made of it."""
    from config import load

    settings = load()
    del load
    scrap("config")
    return settings


def told():
    """Return what was told over the serial console, and goes before the configuration."""
    from wifi import learned

    found = learned()
    del learned
    scrap("wifi")
    return found


def make_rule(line, ruled):
    """Return what a point carries of a rule, as Outputs says."""
    names = [name for name, _ in PATTERNS]
    rank = names.index(line["pattern"])
    bit = BITS[line["when"]]
    return (ruled[line["output"]], bit, rank, PATTERNS[rank][1], line["stays"], line["drills"])


def apply(rules, of_kind, point, sounder):
    """Give a point its rules: its own go before those of its kind for the same output and
    condition."""
    own = [rule for line, rule in rules if line.get("point") == point.number]
    if point.kind not in of_kind:
        of_kind[point.kind] = tuple([r for line, r in rules if line.get("kind") == point.kind])
    point.drives = of_kind[point.kind]
    if own:
        nearer = [rule[:2] for rule in own]
        own += [rule for rule in point.drives if rule[:2] not in nearer]
        point.drives = tuple(own)
    point.sounds = False
    for rule in point.drives:
        if rule[0] is sounder and rule[1] == ALARM and rule[2]:
            point.sounds = True


def make_point(line):
    """Return the point of a configuration line."""
    unit, _, _, _, rows = KINDS[line["kind"] + "/" + line["quantity"]]
    levels = []
    for name, bit, above, latch, window_ms in [row[:5] for row in rows]:
        hysteresis = line[name + "_hysteresis"]
        hold_ms, clear_hold_ms = line[name + "_hold_ms"], line[name + "_clear_hold_ms"]
        level = (bit, line[name], above, hysteresis, hold_ms, clear_hold_ms, latch)
        levels.append(make_rise(window_ms, level) if window_ms else Level(*level))
    return Point(line["point"], line["kind"], unit, False, levels)


def deadband(line):
    """Return how far a reading may move and decide nothing: half of its smallest hysteresis."""
    return min([line[key] // 2 for key in line if key[-11:] == "_hysteresis"] or [0])


def make_rise(window_ms, level):
    """Return a level on a rise; only a site with such a point imports it."""
    from lib.rise import Rise

    return Rise(window_ms, *level)


def make_driver(line, head, board, clock, indicators):
    """Return the driver of a point's line; only a driver that a site uses is imported.

    Driver `detector-loop` is the class DetectorLoop in drivers/detector_loop.py.
    """
    name = line["driver"]
    params = {key: line[key] for key in DRIVERS[name][2]}
    if "span" in line:
        params["span"] = line["span"]
    if name == "residual-current":
        params["clock"] = clock
        params["mains_hz"] = head["mains_hz"]
    if name == "sounder-line":
        params["sounder"] = indicators.get("sounder")
    file = name.replace("-", "_")
    module = getattr(__import__("drivers." + file), file)
    made = getattr(module, "".join([part[0].upper() + part[1:] for part in name.split("-")]))
    wire = board.input(line["input"], head["scl_pin"], head["sda_pin"])
    return qualified(line, made(wire, **params), wire)


def qualified(line, driver, wire):
    """Return the driver behind what its kind asks for: each stage reads like a driver."""
    median, stuck_s, stuck_mv, soils = QUALIFY[line["kind"] + "/" + line["quantity"]]
    if not hasattr(wire, "uv"):
        stuck_s = 0  # what comes over a bus as a number may rest
    if median > 1 or stuck_s:
        from lib.steady import Steady

        driver = Steady(driver, wire, median > 1, max(stuck_mv * 1000, 1), stuck_s * 1000)
    if soils:
        from lib.soiling import Soiling

        driver = Soiling(driver, line["alarm"])
    return driver
