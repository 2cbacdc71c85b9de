"""The physical side of a sensor: what happens at its place, as volts at the gateway's input.

Or as what a station on a serial bus, a probe on a 1-Wire bus then holds.

Written from data sheets and wiring practice, not from the firmware's drivers: the two meet only at
the wire, so a mistake in one is not repeated by the other. A `Sensor` is driven by one signal at a
time, a quantity of its place (`pressure_kpa`) or of its own circuit (`loop_ma`), and can have one
fault.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from firegrid.errors import FiregridError
from firegrid.site.model import Input, Point

from firegrid_sim.board import (
    BUS_ABSENT,
    BUS_OK,
    BUS_REFUSES,
    BUS_RUBBISH,
    BUS_SHORT,
    I2C_ABSENT,
    I2C_OK,
    I2C_RUBBISH,
    I2C_STUCK,
    Channel,
    Io,
    Probe,
    Register,
)

FAULTS = ("open", "short", "absent", "rubbish", "stuck", "exception", "slow")
WIRE_FAULTS = FAULTS[:5]  # exception and slow are for who speaks a language

_INPUT_MAX_V = {"gpio": 3.3, "ads1115": 5.0}  # protection diodes hold an input below its supply
_CHIP_STATES = {"absent": I2C_ABSENT, "rubbish": I2C_RUBBISH, "stuck": I2C_STUCK}
_NOISE_V = 0.001
_RUBBISH_V = 0.8  # sigma of a pin that picks up whatever is around

_LOOP_SUPPLY_V = 24.0
_LOOP_LIMIT_MA = 60.0  # the supply of a detector loop limits its current
_EOL_OHM = 4700.0
_DETECTOR_ALARM_MA = 25.0
_DETECTOR_TRIP_DB_M = 0.15  # usual sensitivity of a point smoke detector
_SMOKE_M2_PER_G = 8.7  # light extinction of smoke from flames, per gram of particles
_DB_PER_NEPER = 10 / math.log(10)

_LOOP_ZERO_MA, _LOOP_SPAN_MA = 4.0, 16.0
_LOOP_UNDER, _LOOP_OVER = -0.0125, 1.03  # a transmitter stops a little beyond its scale
# What a transmitter of each quantity is driven with: signal, lowest, highest, in peace.
_TRANSMITTERS = {
    "pct_lel": ("gas_pct_lel", 0.0, 100.0, 0.0),
    "co_ppm": ("gas_co_ppm", 0.0, 5000.0, 0.0),
    "db_m": ("smoke_db_m", 0.0, 20.0, 0.0),
    "rising_pct": ("share_pct", 0.0, 100.0, 50.0),
    "falling_pct": ("share_pct", 0.0, 100.0, 50.0),
    "kpa": ("pressure_kpa", 0.0, 5000.0, 300.0),
    "c": ("temperature_c", -60.0, 600.0, 20.0),
}
_STATIONS = _TRANSMITTERS | {"ma": ("leakage_ma", 0.0, 5000.0, 20.0)}
_STATION_MS = 20  # what a station takes to answer
_SLOW_MS = 3000
_ONLY_PROBE = bytes.fromhex("28ff641e8216c328")
_TRANSMITTER_SHORT_MA = 24.0  # what a protected 24 V output lets through

_LPG_LEL_PPM = 21000.0  # propane: 2.1 % by volume
_MQ2_AIR_RATIO = 9.83  # Rs/R0 in clean air; R0 = in 1000 ppm of hydrogen
_MQ2_LPG_PPM, _MQ2_LPG_RATIO, _MQ2_LPG_SLOPE = 200.0, 1.62, -0.47  # a line in log-log
_MQ2_R0_OHM = 20000.0
_COUNTS_MAX, _COUNTS_V = 1023, 5.0  # a 10-bit converter with a 5 V reference

_TRANSFORMER_BIAS_V = 1.65  # half of 3.3 V, fed through the winding: a cut wire takes it away
_LEAKAGE_REST_MA = 20.0  # filters of power supplies leak a little, always
_THIRD_SHARE = 0.2  # third harmonic of leakage through filters of power supplies

_RATIO_ZERO, _RATIO_SPAN = 0.1, 0.8  # 10 % of the supply at zero, 90 % at full span
_OVERPRESSURE = 1.1
_PRESSURE_REST_KPA = 300.0

_BATTERY_REST_V = 12.8  # a lead battery of six cells, charged and left alone
_BATTERY_CHARGED = 1.06  # so far above its low level is a battery of another voltage

_ZERO_K = 273.15
_NTC_NAMED_C = 25.0  # an NTC is named by its resistance at this temperature
_TEMPERATURE_REST_C = 20.0


@dataclass(frozen=True, slots=True)
class Signal:
    """What a sensor can be driven with, the range that makes sense, and its value in peace."""

    low: float
    high: float
    rest: float
    volts: Callable[[float], float]


class Sensor:
    """One sensor at one input: `signals` it knows, `set` one, read `channel` and `chip_state`."""

    rest = ""  # the signal that describes the place in peace
    faults: tuple[str, ...] = WIRE_FAULTS

    def __init__(self, point: Point, mains_hz: int = 50) -> None:
        self.point = point
        self.fault: str | None = None
        self.mains_hz = mains_hz
        self.signals = self._signals(point)
        self.signal = self.rest
        self.value = self.signals[self.rest].rest
        self._input = Input.parse(point.input)
        self._frozen = Channel()
        self._peace = self.channel()

    @property
    def address(self) -> int | None:
        """The I2C address of the converter that it hangs on, if any."""
        return self._input.address

    def known(self, signal: str) -> Signal:
        """Return one of its signals; raise where it has no such."""
        if signal not in self.signals:
            raise FiregridError(
                f'"{signal}" does not drive {self.point.id} ({self.point.driver})',
                f"allowed: {', '.join(self.signals)}",
            )
        return self.signals[signal]

    def check(self, signal: str, value: float) -> None:
        """Raise where a signal cannot have this value."""
        known = self.known(signal)
        if not known.low <= value <= known.high:
            raise FiregridError(
                f"{value:g} is outside the range of {signal}",
                f"allowed: {known.low:g}…{known.high:g}",
            )

    def set(self, signal: str, value: float) -> None:
        """Drive it with one signal; the last one counts."""
        self.check(signal, value)
        self.signal = signal
        self.value = value

    def check_fault(self, fault: str) -> None:
        """Raise where it cannot break in this way."""
        if fault not in self.faults:
            raise FiregridError(
                f'"{fault}" does not happen to {self.point.id} ({self.point.driver})',
                f"allowed: {', '.join(self.faults)}",
            )

    def set_fault(self, fault: str | None) -> None:
        """Break it in one way, or mend it with None."""
        self.fault = None
        self._frozen = self.channel()
        self.fault = fault

    def wire(self, io: Io) -> None:
        """Show the gateway what it sees now."""
        io.set_channel(self.point.input, self.channel())

    def strength(self) -> float:
        """How far it is from peace, to compare two of its signals."""
        channel = self.channel()
        return abs(channel.dc_v - self._peace.dc_v) + channel.amplitude_v

    def channel(self) -> Channel:
        """What the gateway's input sees now."""
        if self._input.bus == "gpio":
            if self.fault == "absent":
                return Channel(driven=False)
            if self.fault == "rubbish":
                return Channel(_INPUT_MAX_V["gpio"] / 2, noise_v=_RUBBISH_V)
            if self.fault == "stuck":
                return self._frozen
        if self.fault == "open":
            return self._direct(self._open_v())
        if self.fault == "short":
            return self._direct(self._short_v())
        return self._shape(self.signals[self.signal].volts(self.value))

    def chip_state(self) -> int:
        """How the I2C converter behaves that it hangs on."""
        return _CHIP_STATES.get(self.fault or "", I2C_OK)

    def _direct(self, volts: float) -> Channel:
        limit_v = _INPUT_MAX_V[self._input.bus]
        return Channel(min(max(volts, 0.0), limit_v), noise_v=_NOISE_V)

    def _shape(self, volts: float) -> Channel:
        return self._direct(volts)

    def _signals(self, point: Point) -> dict[str, Signal]:
        raise NotImplementedError

    def _open_v(self) -> float:
        return 0.0  # the resistor at the input pulls it down

    def _short_v(self) -> float:
        raise NotImplementedError


class DetectorLoop(Sensor):
    """Conventional smoke detectors on two wires with an end-of-line resistor."""

    rest = "smoke"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._sense_ohm = point.params["sense_ohm"]
        return {
            "smoke": Signal(0, 1, 0, lambda alarm: self._loop(alarm >= 0.5)),
            "smoke_db_m": Signal(0, 20, 0, self._of_smoke),
            "smoke_ug_m3": Signal(0, 1e6, 0, self._of_particles),
            "loop_ma": Signal(0, 100, self._quiescent_ma(), self._of_current),
        }

    def _quiescent_ma(self) -> float:
        return 1000 * _LOOP_SUPPLY_V / (_EOL_OHM + self._sense_ohm)

    def _loop(self, in_alarm: bool) -> float:
        return self._of_current(_DETECTOR_ALARM_MA if in_alarm else self._quiescent_ma())

    def _of_smoke(self, db_m: float) -> float:
        return self._loop(db_m >= _DETECTOR_TRIP_DB_M)

    def _of_particles(self, ug_m3: float) -> float:
        return self._of_smoke(_DB_PER_NEPER * _SMOKE_M2_PER_G * ug_m3 * 1e-6)

    def _of_current(self, loop_ma: float) -> float:
        return min(loop_ma, _LOOP_LIMIT_MA) * self._sense_ohm / 1000

    def _short_v(self) -> float:
        return self._of_current(_LOOP_LIMIT_MA)


class CurrentLoop(Sensor):
    """A 4-20 mA transmitter, measured over a sense resistor."""

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._sense_ohm = point.params["sense_ohm"]
        self._span = point.params["span"]
        self.rest, low, high, rest = _TRANSMITTERS[point.quantity]
        if point.quantity == "kpa":
            rest = _pressure_in_peace(point, self._span)
        return {
            self.rest: Signal(low, high, rest, self._of_value),
            "loop_ma": Signal(0, 30, _LOOP_ZERO_MA, self._of_current),
        }

    def _of_value(self, value: float) -> float:
        share = min(max(value / self._span, _LOOP_UNDER), _LOOP_OVER)
        return self._of_current(_LOOP_ZERO_MA + _LOOP_SPAN_MA * share)

    def _of_current(self, loop_ma: float) -> float:
        return loop_ma * self._sense_ohm / 1000

    def _short_v(self) -> float:
        return self._of_current(_TRANSMITTER_SHORT_MA)


class MqElement(Sensor):
    """A heated gas element of the MQ series above its load resistor."""

    rest = "gas_pct_lel"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._supply_v = point.params["supply_mv"] / 1000
        self._load_ohm = point.params["load_ohm"]
        air_ohm = point.params["clean_air_ohm"] or _MQ2_R0_OHM * _MQ2_AIR_RATIO
        self._air_ohm = air_ohm
        return {
            "gas_pct_lel": Signal(0, 100, 0, self._of_gas),
            "rs_ohm": Signal(1, 1e8, air_ohm, self._of_resistance),
            "counts10_5v": Signal(0, _COUNTS_MAX, 0, lambda n: n / _COUNTS_MAX * _COUNTS_V),
            "volts": Signal(0, self._supply_v, 0, lambda volts: volts),
        }

    def _of_gas(self, pct_lel: float) -> float:
        ratio = _MQ2_AIR_RATIO
        if pct_lel:
            ppm = pct_lel / 100 * _LPG_LEL_PPM
            line = _MQ2_LPG_RATIO * (ppm / _MQ2_LPG_PPM) ** _MQ2_LPG_SLOPE
            ratio = min(ratio, line)
        return self._of_resistance(self._air_ohm * ratio / _MQ2_AIR_RATIO)

    def _of_resistance(self, rs_ohm: float) -> float:
        return self._supply_v * self._load_ohm / (self._load_ohm + rs_ohm)

    def _short_v(self) -> float:
        return self._supply_v


class ResidualCurrent(Sensor):
    """A residual-current transformer with its burden, biased to half of the supply."""

    rest = "leakage_ma"

    def _signals(self, point: Point) -> dict[str, Signal]:
        volts_per_ma = point.params["burden_ohm"] / point.params["ratio"] / 1000
        lowest_ma = min((level.clears_at for level in point.levels.values()), default=math.inf)
        rest_ma = min(_LEAKAGE_REST_MA, lowest_ma / 2)
        return {"leakage_ma": Signal(0, 5000, rest_ma, lambda rms_ma: rms_ma * volts_per_ma)}

    def _shape(self, volts: float) -> Channel:
        """`volts` is the true RMS: fundamental and third harmonic together."""
        peak_v = volts * math.sqrt(2 / (1 + _THIRD_SHARE**2))
        return Channel(
            _TRANSFORMER_BIAS_V, peak_v, self.mains_hz, peak_v * _THIRD_SHARE, noise_v=_NOISE_V
        )

    def _short_v(self) -> float:
        return _INPUT_MAX_V["gpio"]  # the wire touches the 3.3 V supply


class Ratiometric(Sensor):
    """A pressure transmitter that puts out 10 to 90 % of its supply, behind a divider."""

    rest = "pressure_kpa"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._supply_v = point.params["supply_mv"] / 1000
        self._divider = point.params["divider_permille"] / 1000
        self._span_kpa = point.params["span_kpa"]
        rest_kpa = _pressure_in_peace(point, self._span_kpa)
        highest = _OVERPRESSURE * self._span_kpa
        return {
            "pressure_kpa": Signal(0, highest, rest_kpa, self._of_pressure),
            "volts": Signal(0, self._supply_v, 0, self._of_sensor_volts),
        }

    def _of_pressure(self, pressure_kpa: float) -> float:
        share = _RATIO_ZERO + _RATIO_SPAN * pressure_kpa / self._span_kpa
        return self._of_sensor_volts(self._supply_v * share)

    def _of_sensor_volts(self, volts: float) -> float:
        return volts * self._divider

    def _short_v(self) -> float:
        return self._of_sensor_volts(self._supply_v)


class NtcProbe(Sensor):
    """A thermistor below a pull-up."""

    rest = "temperature_c"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._supply_v = point.params["supply_mv"] / 1000
        self._pull_up_ohm = point.params["pull_up_ohm"]
        self._r25_ohm, self._beta_k = point.params["r25_ohm"], point.params["beta_k"]
        return {
            "temperature_c": Signal(-60, 600, _TEMPERATURE_REST_C, self._of_temperature),
            "ntc_ohm": Signal(0, 1e8, self._r25_ohm, self._of_resistance),
        }

    def _of_temperature(self, celsius: float) -> float:
        warmer = 1 / (celsius + _ZERO_K) - 1 / (_NTC_NAMED_C + _ZERO_K)
        return self._of_resistance(self._r25_ohm * math.exp(self._beta_k * warmer))

    def _of_resistance(self, ohm: float) -> float:
        return self._supply_v * ohm / (ohm + self._pull_up_ohm)

    def _open_v(self) -> float:
        return self._supply_v

    def _short_v(self) -> float:
        return 0.0


class ContactLine(Sensor):
    """A contact with its resistors at the end of a line, below a pull-up."""

    rest = "contact"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._supply_v = point.params["supply_mv"] / 1000
        self._pull_up_ohm = point.params["pull_up_ohm"]
        at_rest, active = point.params["rest_ohm"], point.params["active_ohm"]
        return {
            "contact": Signal(0, 1, 0, lambda on: self._of_line(active if on >= 0.5 else at_rest)),
            "line_ohm": Signal(0, 1e6, at_rest, self._of_line),
        }

    def _of_line(self, ohm: float) -> float:
        return self._supply_v * ohm / (ohm + self._pull_up_ohm)

    def _open_v(self) -> float:
        return self._supply_v

    def _short_v(self) -> float:
        return 0.0


class Speaking(Sensor):
    """A sensor that sends its value as a number, over a bus."""

    states: ClassVar[dict[str, int]] = {
        "absent": BUS_ABSENT,
        "open": BUS_ABSENT,
        "rubbish": BUS_RUBBISH,
    }

    def set_fault(self, fault: str | None) -> None:
        """Break it in one way, or mend it with None; a stuck one keeps what it has."""
        self._kept = self.signal, self.value
        self.fault = fault

    def channel(self) -> Channel:
        """Nothing is connected to an input that measures volts."""
        return Channel(driven=False)

    def strength(self) -> float:
        """How far it is from peace, as the number that it sends."""
        return abs(self._of(self.signal, self.value) - self._of(self.rest, self._rest_value()))

    @property
    def state(self) -> int:
        """How it behaves on its bus."""
        return self.states.get(self.fault or "", BUS_OK)

    @property
    def number(self) -> float:
        """What it sends."""
        return self._of(*(self._kept if self.fault == "stuck" else (self.signal, self.value)))

    def _of(self, signal: str, value: float) -> float:
        return self.signals[signal].volts(value)

    def _rest_value(self) -> float:
        return self.signals[self.rest].rest


class ModbusStation(Speaking):
    """A station on RS-485 whose registers hold its value."""

    faults = FAULTS
    states: ClassVar[dict[str, int]] = Speaking.states | {
        "short": BUS_ABSENT,
        "exception": BUS_REFUSES,
    }

    def _signals(self, point: Point) -> dict[str, Signal]:
        params = point.params
        self.rest, low, high, rest = _STATIONS[point.quantity]
        if point.quantity == "kpa":
            rest = _pressure_in_peace(point, params["span"])
        counts = 1000 * params["scale_counts"] / params["scale_thousandths"]
        bits = 16 * params["words"]
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if params["signed"] else (0, 2**bits)
        return {
            self.rest: Signal(low, high, rest, lambda value: value * counts),
            "counts": Signal(least, most - 1, 0, float),
        }

    def wire(self, io: Io) -> None:
        """Show the line what the registers hold."""
        io.set_register(self._register())

    def _register(self) -> Register:
        params = self.point.params
        bits = 16 * params["words"]
        counts = self.signals["counts"]
        held = round(min(max(self.number, counts.low), counts.high)) % 2**bits
        words = [held >> bits - 16, held % 2**16]  # one word: twice the same
        if params["low_word_first"]:
            words.reverse()
        station = self._input.station or 0
        delay_ms = _SLOW_MS if self.fault == "slow" else _STATION_MS
        asked = station, params["function"], params["register"], params["words"]
        return Register(*asked, self.state, words[0], words[1], delay_ms)


class Ds18b20(Speaking):
    """A thermometer on a 1-Wire bus."""

    rest = "temperature_c"
    states: ClassVar[dict[str, int]] = Speaking.states | {"short": BUS_SHORT}

    def _signals(self, point: Point) -> dict[str, Signal]:
        return {"temperature_c": Signal(-60, 600, _TEMPERATURE_REST_C, lambda celsius: celsius)}

    def wire(self, io: Io) -> None:
        """Show the bus how warm it is."""
        rom = bytes.fromhex(self._input.rom) if self._input.rom else _ONLY_PROBE
        pin = self._input.wire or 0
        io.set_probe(Probe(pin, self.state, round(1000 * self.number), rom))


class Battery(Sensor):
    """A standby battery behind a divider; a cut wire leaves nothing, a short shows its charger."""

    rest = "battery_v"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._divider = point.params["divider_permille"] / 1000
        low_v = max((level.clears_at for level in point.levels.values()), default=0)
        rest_v = max(_BATTERY_REST_V, low_v * _BATTERY_CHARGED)
        return {"battery_v": Signal(0, 60, rest_v, lambda volts: volts * self._divider)}

    def _short_v(self) -> float:
        return math.inf  # the divider's upper resistor is bridged: the input is full


class SounderLine(Sensor):
    """The line to a sounder while it is silent: its end-of-line resistor below a pull-up."""

    rest = "line_ohm"

    def _signals(self, point: Point) -> dict[str, Signal]:
        self._supply_v = point.params["supply_mv"] / 1000
        self._pull_up_ohm = point.params["pull_up_ohm"]
        return {"line_ohm": Signal(0, 1e6, point.params["end_ohm"], self._of_line)}

    def _of_line(self, ohm: float) -> float:
        return self._supply_v * ohm / (ohm + self._pull_up_ohm)

    def _open_v(self) -> float:
        return self._supply_v

    def _short_v(self) -> float:
        return 0.0


def _pressure_in_peace(point: Point, span_kpa: float) -> float:
    highest_kpa = max(
        (level.clears_at for level in point.levels.values() if not level.above), default=0
    )
    return min(max(_PRESSURE_REST_KPA, 1.5 * highest_kpa), span_kpa)


SENSORS: dict[str, type[Sensor]] = {
    "detector-loop": DetectorLoop,
    "current-loop": CurrentLoop,
    "mq-element": MqElement,
    "residual-current": ResidualCurrent,
    "ratiometric": Ratiometric,
    "ntc": NtcProbe,
    "contact": ContactLine,
    "modbus": ModbusStation,
    "ds18b20": Ds18b20,
    "divider": Battery,
    "sounder-line": SounderLine,
}


def sensor_for(point: Point, mains_hz: int = 50) -> Sensor:
    """Return the sensor that is wired to a point, in peace."""
    return SENSORS[point.driver](point, mains_hz)


def connect(sensor: Sensor, sensors: Iterable[Sensor], io: Io) -> None:
    """Show a gateway what one of its sensors says now; `sensors` are the site's.

    A converter that several of a gateway share behaves as the first broken one says.
    """
    sensor.wire(io)
    if sensor.address is not None:
        shared = sensor.address, sensor.point.gateway
        on_it = (one for one in sensors if (one.address, one.point.gateway) == shared)
        states = (one.chip_state() for one in on_it)
        io.set_i2c(sensor.address, next((state for state in states if state != I2C_OK), I2C_OK))
