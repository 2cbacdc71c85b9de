"""Runs in the VM: what every driver must bear, tried on one; a line of JSON for each check.

Argument: a JSON file that says which driver, with which parameters, at which input, in which
range.
"""

import json
import random
import sys
from time import ticks_add

from lib import codes
from lib.codes import NO_ANSWER, SATURATED
from micropython import heap_lock, heap_unlock

from worlds import WORLDS

PERIOD_MS = 200
START_MS = ticks_add(0, -60_000)  # the ticks wrap within each check
SETTLE = 100  # readings
READINGS = 2000
KNOWN = [getattr(codes, name) for name in dir(codes) if name.isupper()]


class Broken(Exception):
    """The driver does not bear it; says why."""


class Silent(Broken):
    """It never gave a value."""


class Trial:
    """One driver in one world, with a clock in the check's hand."""

    def __init__(self, plan, good):
        self._low, self._high = plan["range"]
        self.now_ms = START_MS
        self.world = WORLDS[plan["input"]](good)
        params = dict(plan["params"])
        if plan["clock"]:
            params["clock"] = self.world.clock
            params["mains_hz"] = 50
        module = __import__(plan["module"], None, None, [plan["class"]])
        self.driver = getattr(module, plan["class"])(self.world.input, **params)

    def read(self, after_ms=PERIOD_MS):
        """Let time pass; return one reading once it has been looked at."""
        self.now_ms = ticks_add(self.now_ms, after_ms)
        self.world.pass_time(self.now_ms, after_ms)
        try:
            value = self.driver.read(self.now_ms)
            code = self.driver.code
        except Exception as error:
            raise Broken(f"raised {type(error).__name__}: {error}")
        self._judge(value, code)
        return value

    def _judge(self, value, code):
        if value is None:
            if type(code) is not int or code not in KNOWN:
                raise Broken(f"None with code {code}, which is no trouble code")
            return
        if code != 0:
            raise Broken(f"the value {value} with trouble code {code}")
        if type(value) is not int:
            raise Broken(f"{value} is no whole number of thousandths")
        if not self._low <= value <= self._high:
            raise Broken(f"{value} is outside {self._low}..{self._high} thousandths")

    def settle(self):
        """Return the reading after a while in peace."""
        for _ in range(SETTLE):
            value = self.read()
        return value

    def until_value(self):
        """Raise where no value comes in time."""
        for _ in range(SETTLE):
            if self.read() is not None:
                return
        raise Silent(f"no value within {SETTLE * PERIOD_MS // 1000} s, code {self.driver.code}")


def check_steady(trial):
    """A sound sensor gives a value."""
    trial.until_value()
    if trial.settle() is None:
        raise Broken(f"a sound sensor is code {trial.driver.code}")


def check_heap(trial):
    """A reading takes no heap once it runs."""
    trial.settle()
    world, driver = trial.world, trial.driver
    for _ in range(50):
        trial.now_ms = ticks_add(trial.now_ms, PERIOD_MS)
        world.pass_time(trial.now_ms, PERIOD_MS)
        took = False
        heap_lock()
        try:
            driver.read(trial.now_ms)
        except MemoryError:
            took = True  # what is said of it takes heap itself
        finally:
            heap_unlock()
        if took:
            raise Broken("a reading took heap")


def check_absent(trial):
    """Nothing there: never a value, always a code."""
    trial.until_value()
    trial.world.absent(NO_ANSWER)
    if trial.settle() is not None:
        raise Broken("a value from a sensor that is not there")


def check_recovering(trial):
    """What was lost and comes back is read again."""
    trial.until_value()
    for _ in range(3):
        trial.world.absent(NO_ANSWER)
        trial.settle()
        trial.world.mend()
        trial.until_value()


def check_stuck(trial):
    """An input that never moves: the same reading, or a trouble."""
    first = trial.settle()
    for _ in range(READINGS):
        value = trial.read()
        if value is not None and value != first:
            raise Broken(f"{first}, then {value}, of an input that did not move")


def check_noisy(trial):
    """Anything at all at the input, again and again."""
    random.seed(1)
    for _ in range(READINGS):
        trial.world.noise()
        trial.read()


def check_out_of_range(trial):
    """The ends of what an input can show, and what lies beyond."""
    for extreme in range(trial.world.extremes):
        trial.world.extreme(extreme, SATURATED)
        for _ in range(20):
            trial.read()


def check_slow(trial):
    """Answers that come late or not, and a gateway that was busy for long."""
    random.seed(2)
    for turn in range(200):
        if turn % 2:
            trial.world.mend()
        else:
            trial.world.absent(NO_ANSWER)
        trial.read((20, 200, 1000, 10_000, 600_000)[random.getrandbits(8) % 5])
    trial.world.mend()
    trial.until_value()


CHECKS = (
    ("steady", check_steady),
    ("heap", check_heap),
    ("absent", check_absent),
    ("recovering", check_recovering),
    ("stuck", check_stuck),
    ("noisy", check_noisy),
    ("out-of-range", check_out_of_range),
    ("slow", check_slow),
)


def sound(plan):
    """Return what a sound sensor shows: the first of the world's guesses that gives a value."""
    why = "nothing at its input ever gave a value"
    for good in WORLDS[plan["input"]].guesses():
        trial = Trial(plan, good)
        try:
            trial.until_value()
        except Silent:
            continue
        except Broken as error:
            why = str(error)
            continue
        return good
    raise Broken(why)


def outcome(check, plan):
    """Return why a check fails, or an empty string."""
    try:
        check(Trial(plan, sound(plan)))
    except Broken as error:
        return str(error)
    except Exception as error:  # it could not even be made
        return f"{type(error).__name__}: {error}"
    return ""


def main(path):
    """Run every check of the plan in a file."""
    with open(path) as file:
        plan = json.load(file)
    for name, check in CHECKS:
        print("\x02" + json.dumps({"check": name, "why": outcome(check, plan)}))


main(sys.argv[1])
