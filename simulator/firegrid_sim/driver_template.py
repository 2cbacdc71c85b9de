"""What `firegrid driver new` writes: a driver that works, to be changed into the one wanted."""

from firegrid import tables

_DRIVER = '''"""{title}: what it is, and how it is wired.

    supply ──[ sensor ]──┬── input
                         └──[ 100 Ohm ]── 0 V

    below 0.2 V     open: a broken wire
    0.4 to 2.0 V    zero to the span
    above 2.2 V     short: the wires touch
"""

from lib.codes import OPEN, SATURATED, SHORT
from lib.scaling import Scaling


class {klass}:
    """Delivers {quantity}; `span` is the value at 2 V, in the unit."""

    def __init__(self, input, span={span}):
        self._input = input
        self._top = span * 1000
        self._scaling = Scaling(400_000, 2_000_000, 0, self._top)
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of the unit within the span, else None with the reason in `code`."""
        uv = self._input.read_uv()
        if uv is None:
            self.code = SHORT if self._input.code == SATURATED else self._input.code
        elif uv < 200_000:
            self.code = OPEN
        elif uv > 2_200_000:
            self.code = SHORT
        else:
            self.code = 0
            return min(max(self._scaling.apply(uv), 0), self._top)
        return None
'''

_CHECK = '''"""{title}: its bands, on both sides of every edge."""

from {module} import {klass}
from lib.codes import NO_ANSWER, OPEN, SHORT

from fakes import FakeInput, read_with_heap_locked


def _read(uv):
    driver = {klass}(FakeInput(uv), span=100)
    return driver.read(0), driver.code


def test_every_band_on_both_sides_of_its_edges():
    for uv, expected in (
        (199_999, (None, OPEN)),
        (200_000, (0, 0)),
        (400_000, (0, 0)),
        (1_200_000, (50_000, 0)),
        (2_000_000, (100_000, 0)),
        (2_200_000, (100_000, 0)),
        (2_200_001, (None, SHORT)),
    ):
        assert _read(uv) == expected, (uv, _read(uv))


def test_the_troubles_of_the_input_pass():
    face = FakeInput()
    face.fail(NO_ANSWER)
    driver = {klass}(face)
    assert (driver.read(0), driver.code) == (None, NO_ANSWER)


def test_reading_takes_no_heap():
    assert read_with_heap_locked({klass}(FakeInput(1_200_000), span=100)) == 50_000
'''

_TABLE = """
[drivers.{name}]
title = "{title}"
inputs = ["gpio", "ads1115"]
source = "the data sheet and its section; else: no clause found"
status = "to-be-checked"

[drivers.{name}.params]

[drivers.{name}.spans]  # the value at 2 V, in the unit
"{quantity}" = {{ default = {span}, bounds = [1, {span}] }}
"""


def files(name: str, quantity: str, in_checkout: bool) -> dict[str, str]:
    """Return the three files of a driver by their paths in a checkout."""
    file = name.replace("-", "_")
    values = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "klass": "".join(part.capitalize() for part in name.split("-")),
        "module": f"drivers.{file}" if in_checkout else file,
        "quantity": quantity,
        "span": str(int(tables.quantities()[quantity].high)),
    }
    table = "host/firegrid/drivers.toml" if in_checkout else f"{name}.toml"
    return {
        f"firmware/drivers/{file}.py": _DRIVER.format(**values),
        f"tests/firmware/check_{file}.py": _CHECK.format(**values),
        table: _TABLE.format(**values),
    }
