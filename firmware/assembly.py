"""From the configuration to wired points and outputs: needed at the start only."""

import config
from drivers.indicator import Indicator
from lib.kinds import KINDS, QUALIFY
from lib.point import Level, Point
from lib.wiring import DRIVERS
from sampling import Channel


class Assembly:
    """What the configuration asks for; `head` is None where there is no usable one."""

    def __init__(self, board, clock):
        settings = config.load()
        self.refused = settings.refused
        self.head = settings.head
        self.indicators = {
            line["name"]: Indicator(board.output(line["pin"], line["active"]), line["active"])
            for line in settings.lines("output")
        }
        self.buses = [board.rs485(line) for line in settings.lines("rs485")]
        now_ms = clock.ms()
        self.channels = [
            Channel(
                make_point(line),
                make_driver(line, self.head, board, clock),
                line["period_ms"],
                self.head["sample_s"],
                now_ms,
            )
            for line in settings.lines("point")
        ]


def make_point(line):
    """Return the point of a configuration line."""
    unit, sounds, _, _, rows = KINDS[line["kind"] + "/" + line["quantity"]]
    levels = []
    for name, bit, above, latch, window_ms in [row[:5] for row in rows]:
        hysteresis = line[name + "_hysteresis"]
        hold_ms, clear_hold_ms = line[name + "_hold_ms"], line[name + "_clear_hold_ms"]
        level = (bit, line[name], above, hysteresis, hold_ms, clear_hold_ms, latch)
        levels.append(make_rise(window_ms, level) if window_ms else Level(*level))
    return Point(line["point"], line["kind"], unit, sounds, levels)


def make_rise(window_ms, level):
    """Return a level on a rise; only a site with such a point imports it."""
    from lib.rise import Rise

    return Rise(window_ms, *level)


def make_driver(line, head, board, clock):
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
    file = name.replace("-", "_")
    module = getattr(__import__("drivers." + file), file)
    made = getattr(module, "".join([part[0].upper() + part[1:] for part in name.split("-")]))
    wire = board.input(line["input"], head["scl_pin"], head["sda_pin"])
    return qualified(line, made(wire, **params), wire)


def qualified(line, driver, wire):
    """Return the driver behind what its kind asks for: each stage reads like a driver."""
    median, stuck_s, stuck_mv, soils = QUALIFY[line["kind"] + "/" + line["quantity"]]
    if median > 1 or stuck_s:
        from lib.steady import Steady

        driver = Steady(driver, wire, median > 1, max(stuck_mv * 1000, 1), stuck_s * 1000)
    if soils:
        from lib.soiling import Soiling

        driver = Soiling(driver, line["alarm"])
    return driver
