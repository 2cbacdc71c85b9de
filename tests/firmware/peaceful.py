"""A channel for every quantity of every driver that needs nothing but an input, in peace."""

from time import ticks_add

from assembly import make_point
from lib.kinds import KINDS
from lib.samples import Summary
from lib.service import start_anew
from lib.wiring import DRIVERS
from sampling import Channel

PERIOD_MS = 100
_STEP_UV = 100_000
_WARM_MS = 6000  # longer than the shortest warm-up
# These wait for something outside: a whole mains cycle, or an answer on a serial bus.
WAITING = ("residual-current", "modbus", "ds18b20")


class Input:
    """An input that shows one voltage."""

    floor_uv = 0
    ceiling_uv = 4_095_875

    def __init__(self, uv=0):
        self.uv = uv
        self.code = 0

    def read_uv(self):
        return self.uv


class Quiet:
    """Stands for operation, recorder and clock where nothing is to happen."""

    up_s = up_ms = 0

    def changed(self, point, changed):
        raise AssertionError("a condition changed: the voltages are not those of peace")

    def sample(self, point, summary):
        raise AssertionError("an interval ended: it is to be longer than the test")


def channels(start_ms):
    """Return the channels, each at a voltage that its driver can read and that alarms nobody."""
    found = []
    for driver in sorted(DRIVERS):
        if driver not in WAITING:
            for key in DRIVERS[driver][0]:
                found.append(_channel(key, driver, len(found) + 1, start_ms))
    return found


def _channel(key, driver, number, start_ms):
    point = make_point(_line(key, number))
    for uv in range(0, 4_000_000, _STEP_UV):
        made = _driver(key, driver, Input(uv))
        made.read(ticks_add(start_ms, -_WARM_MS))
        for _ in range(20):
            value = made.read(start_ms)
        if value is not None and not made.code and _is_peace(point, value, start_ms):
            return Channel(point, made, PERIOD_MS, Summary(3600, start_ms), start_ms)
    raise AssertionError(f"{driver} finds no peace for {key}")


def _is_peace(point, value, start_ms):
    """Return whether a value alarms nobody, however long it stays."""
    for after_ms in (0, 5000, 3_600_000):
        point.update(value, 0, ticks_add(start_ms, after_ms))
    peace = not point.conditions
    start_anew(point)
    return peace


def _driver(key, name, input):
    file = name.replace("-", "_")
    module = getattr(__import__("drivers." + file), file)
    made = getattr(module, "".join([word[0].upper() + word[1:] for word in name.split("-")]))
    params = {param: bounds[2] for param, bounds in DRIVERS[name][2].items()}
    if key in DRIVERS[name][3]:
        params["span"] = DRIVERS[name][3][key][2]
    if "warm_up_s" in params:
        params["warm_up_s"] = DRIVERS[name][2]["warm_up_s"][0]
    return made(input, **params)


def _line(key, number):
    """Return a configuration line whose levels are as far from peace as their bounds allow."""
    kind, _, quantity = key.partition("/")
    line = {"point": number, "kind": kind, "quantity": quantity}
    for level in KINDS[key][4]:
        name, above = level[0], level[2]
        bounds = level[5:]
        line[name] = bounds[1] if above else bounds[0]
        line[name + "_hysteresis"] = bounds[2]
        line[name + "_hold_ms"] = bounds[5]
        line[name + "_clear_hold_ms"] = bounds[7]
    return line
