"""The physical side of the sensors: volts that a person with a meter would find at the input."""

from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
from firegrid import tables
from firegrid.errors import FiregridError
from firegrid.resources import site_path
from firegrid.site.load import load_site
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
)
from firegrid_sim.electrical import FAULTS, SENSORS, sensor_for

SITE = load_site(site_path("jinshui-garden"))
FACES = load_site(Path(__file__).parent / "sites" / "faces.toml")
POINTS = {
    "detector-loop": "smoke-noodle-shop",
    "current-loop": "gas-noodle-kitchen",
    "mq-element": "gas-hotpot",
    "residual-current": "leakage-shop-street",
    "ratiometric": "hydrant-north-gate",
    "ntc": "cable-riser",
    "contact": "callpoint-gate",
    "modbus": "main-pressure",
    "ds18b20": "battery-1",
    "divider": "battery-box",
    "sounder-line": "sounder-line",
}


NEWER = ("ntc", "contact", "modbus", "ds18b20", "divider", "sounder-line")  # not in Jinshui Garden
NUMBERS = ("modbus", "ds18b20")  # they send a number
VOLTS = [driver for driver in SENSORS if driver not in NUMBERS]


def sensor(driver, **params):
    point = (FACES if driver in NEWER else SITE).point(POINTS[driver])
    return sensor_for(replace(point, params=point.params | params))


def volts(sensor, signal, value):
    sensor.set(signal, value)
    return sensor.channel().dc_v


def test_every_driver_of_the_table_has_a_sensor():
    assert set(SENSORS) == set(tables.drivers())


@pytest.mark.parametrize("point", SITE.points + FACES.points, ids=lambda point: point.id)
def test_at_rest_no_point_is_near_a_limit(point):
    sensor = sensor_for(point)
    if sensor.rest in ("pressure_kpa", "leakage_ma", "gas_pct_lel", "temperature_c", "battery_v"):
        for level in [level for level in point.levels.values() if not level.window_s]:
            assert (sensor.value > level.clears_at) is not level.above
    if point.driver in NUMBERS:
        assert not sensor.channel().driven
        return
    assert sensor.channel().driven
    assert 0.15 < sensor.channel().dc_v < 2.45  # where an ESP32 tells the truth


def test_a_detector_loop_at_rest_carries_the_current_of_its_end_of_line_resistor():
    loop = sensor("detector-loop", sense_ohm=39)
    assert volts(loop, "smoke", 0) == pytest.approx(24 / (4700 + 39) * 39)  # 5.06 mA


@pytest.mark.parametrize("sense_ohm", [10, 39, 49])
def test_a_detector_in_alarm_draws_25_ma(sense_ohm):
    loop = sensor("detector-loop", sense_ohm=sense_ohm)
    assert volts(loop, "smoke", 1) == pytest.approx(0.025 * sense_ohm)


def test_a_detector_trips_at_0_15_db_m_of_smoke():
    loop = sensor("detector-loop")
    assert volts(loop, "smoke_db_m", 0.149) < 0.2
    assert volts(loop, "smoke_db_m", 0.15) == pytest.approx(0.975)


def test_particles_dim_the_light_as_smoke_does():
    loop = sensor("detector-loop")
    # 8.7 m2/g: 1 g/m3 dims by exp(-8.7) per metre, that is 37.8 dB; 0.15 dB are 3970 ug/m3.
    assert volts(loop, "smoke_ug_m3", 28) < 0.2
    assert volts(loop, "smoke_ug_m3", 3900) < 0.2
    assert volts(loop, "smoke_ug_m3", 4000) == pytest.approx(0.975)


def test_a_loops_current_can_be_given_and_is_limited_by_its_supply():
    loop = sensor("detector-loop", sense_ohm=39)
    assert volts(loop, "loop_ma", 16) == pytest.approx(0.624)
    assert volts(loop, "loop_ma", 100) == pytest.approx(0.060 * 39)


def test_a_transmitter_puts_out_4_ma_at_zero_and_20_ma_at_its_span():
    transmitter = sensor("current-loop", sense_ohm=100, span=50)
    assert volts(transmitter, "gas_pct_lel", 0) == pytest.approx(0.4)
    assert volts(transmitter, "gas_pct_lel", 25) == pytest.approx(1.2)
    assert volts(transmitter, "gas_pct_lel", 50) == pytest.approx(2.0)
    assert 2.0 < volts(transmitter, "gas_pct_lel", 100) < 2.1  # stops a little above its span


@pytest.mark.parametrize(
    ("point", "signal", "value", "ma"),
    [
        ("smoke-duct", "smoke_db_m", 0.15, 4 + 16 * 0.15 / 2),
        ("co-garage", "gas_co_ppm", 160, 4 + 16 * 160 / 500),
        ("hydrant-main", "pressure_kpa", 140, 4 + 16 * 140 / 1600),
        ("sprinkler-end", "pressure_kpa", 50, 4 + 16 * 50 / 1000),
        ("cable-tray", "temperature_c", 85, 4 + 16 * 85 / 150),
        ("cable-tray", "temperature_c", -20, 3.8),  # below its scale
    ],
)
def test_a_transmitter_tells_its_quantity_in_ma(point, signal, value, ma):
    assert volts(sensor_for(FACES.point(point)), signal, value) == pytest.approx(ma / 10)


def test_a_transmitters_current_can_be_given():
    assert volts(sensor("current-loop", sense_ohm=100), "loop_ma", 3.5) == pytest.approx(0.35)


def test_an_element_follows_the_lpg_line_of_its_data_sheet():
    element = sensor("mq-element", load_ohm=10000, clean_air_ohm=98300)  # R0 = 10 kOhm
    clean = volts(element, "gas_pct_lel", 0)
    assert clean == pytest.approx(5 * 10 / (10 + 98.3))
    at_200_ppm = volts(element, "gas_pct_lel", 100 * 200 / 21000)
    assert at_200_ppm == pytest.approx(5 * 10 / (10 + 16.2), rel=1e-3)
    at_10000_ppm = volts(element, "gas_pct_lel", 100 * 10000 / 21000)
    assert at_10000_ppm == pytest.approx(5 * 10 / (10 + 2.57), rel=0.01)
    assert volts(element, "gas_pct_lel", 1e-6) == pytest.approx(clean)


def test_a_recorded_count_is_the_voltage_it_was_recorded_from():
    element = sensor("mq-element")
    assert volts(element, "counts10_5v", 0) == 0
    assert volts(element, "counts10_5v", 555) == pytest.approx(555 / 1023 * 5)
    assert volts(element, "volts", 2.5) == 2.5
    assert volts(element, "rs_ohm", 10000) == 2.5  # as much as its load


def test_leakage_is_true_rms_with_its_harmonic_around_half_the_supply():
    transformer = sensor("residual-current", ratio=1000, burden_ohm=1000)
    transformer.set("leakage_ma", 300)
    seen = transformer.channel()
    assert seen.dc_v == 1.65
    assert seen.frequency_hz == 50
    assert seen.third_v == pytest.approx(0.2 * seen.amplitude_v)
    assert sqrt((seen.amplitude_v**2 + seen.third_v**2) / 2) == pytest.approx(0.3)


def test_leakage_has_the_frequency_of_the_mains():
    point = SITE.point("leakage-shop-street")
    assert sensor_for(point, 60).channel().frequency_hz == 60


def test_a_pressure_transmitter_puts_out_10_to_90_percent_of_its_supply():
    transmitter = sensor("ratiometric", supply_mv=5000, divider_permille=450, span_kpa=1600)
    assert volts(transmitter, "pressure_kpa", 0) == pytest.approx(0.225)
    assert volts(transmitter, "pressure_kpa", 800) == pytest.approx(1.125)
    assert volts(transmitter, "pressure_kpa", 1600) == pytest.approx(2.025)
    assert volts(transmitter, "volts", 2.5) == pytest.approx(1.125)


def test_an_ntc_follows_the_table_of_its_data_sheet():
    """10 kOhm, 3950 K: a usual table has 33.6 kOhm at 0 °C, 1.09 kOhm at 85 °C (beta alone)."""
    ntc = sensor("ntc")
    assert volts(ntc, "temperature_c", 25) == pytest.approx(1.65)
    assert volts(ntc, "temperature_c", 0) == pytest.approx(3.3 * 33.6 / 43.6, rel=0.002)
    assert volts(ntc, "temperature_c", 85) == pytest.approx(3.3 * 1.09 / 11.09, rel=0.01)
    assert volts(ntc, "ntc_ohm", 20_000) == pytest.approx(2.2)


def test_a_contact_changes_the_resistance_of_its_line():
    line = sensor("contact")
    assert volts(line, "contact", 0) == pytest.approx(1.65)  # 10 kOhm below 10 kOhm
    assert volts(line, "contact", 1) == pytest.approx(0.8)
    assert volts(line, "line_ohm", 5000) == pytest.approx(1.1)


def test_a_battery_and_a_sounder_line_show_what_their_resistors_make_of_them():
    assert volts(sensor("divider"), "battery_v", 12) == pytest.approx(1.56)  # 130 of 1000
    assert volts(sensor("sounder-line"), "line_ohm", 10000) == pytest.approx(1.65)


OPENS = {"ntc": 3.3, "contact": 3.3, "sounder-line": 3.3}  # their pull-up is at the gateway


@pytest.mark.parametrize("driver", VOLTS)
def test_a_broken_wire_leaves_nothing_at_the_input_but_a_pull_up(driver):
    broken = sensor(driver)
    broken.set_fault("open")
    assert broken.channel().dc_v == OPENS.get(driver, 0)
    assert broken.channel().amplitude_v == 0
    assert broken.chip_state() == I2C_OK


SHORTS = {
    "detector-loop": 2.34,  # 60 mA through 39 Ohm
    "current-loop": 2.4,  # 24 mA through 100 Ohm
    "mq-element": 5.0,
    "residual-current": 3.3,
    "ratiometric": 2.25,
    "ntc": 0,
    "contact": 0,
    "divider": 3.3,
    "sounder-line": 0,
}


@pytest.mark.parametrize("driver", VOLTS)
def test_wires_that_touch_show_the_supply_that_feeds_them(driver):
    touching = sensor(driver)
    touching.set_fault("short")
    assert touching.channel().dc_v == pytest.approx(SHORTS[driver])


def test_no_voltage_at_a_pin_is_above_what_its_diodes_let_through():
    point = replace(SITE.point("gas-hotpot"), input="gpio34")
    element = sensor_for(point)
    element.set("volts", 5)
    assert element.channel().dc_v == 3.3


def test_at_a_pin_absent_stuck_and_rubbish_are_what_the_pin_sees():
    loop = sensor("detector-loop")
    loop.set_fault("absent")
    assert loop.channel() == Channel(driven=False)
    loop.set_fault("rubbish")
    assert loop.channel().noise_v > 0.5
    loop.set_fault("stuck")
    before = loop.channel()
    loop.set("smoke", 1)
    assert loop.channel() == before
    loop.set_fault(None)
    assert loop.channel().dc_v == pytest.approx(0.975)


def test_at_a_converter_on_i2c_they_are_what_the_bus_does():
    element = sensor("mq-element")
    states = []
    for fault in ("absent", "rubbish", "stuck", None):
        element.set_fault(fault)
        states.append(element.chip_state())
    assert states == [I2C_ABSENT, I2C_RUBBISH, I2C_STUCK, I2C_OK]
    assert element.address == 0x48
    assert element.faults == ("open", "short", "absent", "rubbish", "stuck")


class Noted:
    """In place of a board's outer side: notes what it is told."""

    def set_register(self, register):
        self.said = register

    def set_probe(self, probe):
        self.said = probe


def told(sensor):
    io = Noted()
    sensor.wire(io)
    return io.said


def test_a_station_holds_its_value_in_words():
    station = sensor("modbus")  # Pa in 32 bits, signed, the low word first, function 4
    station.set("pressure_kpa", 300)
    assert told(station) == (18, 4, 256, 2, BUS_OK, 300_000 & 0xFFFF, 300_000 >> 16, 20)
    station.set("counts", -2)
    assert told(station)[5:7] == (0xFFFE, 0xFFFF)
    sixteen = sensor("modbus", words=1, low_word_first=0, signed=0, scale_thousandths=1000)
    sixteen.set("pressure_kpa", 300)
    assert told(sixteen).first == 300
    with pytest.raises(FiregridError, match="65536 is outside the range of counts"):
        sixteen.set("counts", 65536)


def test_a_station_breaks_in_its_own_ways():
    station = sensor("modbus")
    states = {}
    for fault in FAULTS:
        station.check_fault(fault)
        station.set_fault(fault)
        states[fault] = told(station).state, told(station).delay_ms
    assert states == {
        "open": (BUS_ABSENT, 20),
        "short": (BUS_ABSENT, 20),
        "absent": (BUS_ABSENT, 20),
        "rubbish": (BUS_RUBBISH, 20),
        "stuck": (BUS_OK, 20),
        "exception": (BUS_REFUSES, 20),
        "slow": (BUS_OK, 3000),
    }


@pytest.mark.parametrize(
    ("driver", "signal"), [("modbus", "pressure_kpa"), ("ds18b20", "temperature_c")]
)
def test_a_stuck_number_stays_until_it_is_mended(driver, signal):
    stuck = sensor(driver)
    before = told(stuck)
    stuck.set_fault("stuck")
    stuck.set(signal, 99)
    assert told(stuck) == before
    assert stuck.strength() > 0
    stuck.set_fault(None)
    assert told(stuck) != before


def test_a_probe_tells_its_temperature_and_which_it_is():
    probe = sensor("ds18b20")
    probe.set("temperature_c", -7.5)
    assert told(probe) == (14, BUS_OK, -7500, bytes.fromhex("28ff641e8216c328"))
    probe.set_fault("short")
    assert told(probe).state == BUS_SHORT


def test_a_fault_of_another_sensor_is_refused_with_those_it_has():
    with pytest.raises(FiregridError, match=r'"exception" does not happen to .*allowed: open, sh'):
        sensor("ntc").check_fault("exception")
    with pytest.raises(FiregridError, match='"slow" does not happen'):
        sensor("ds18b20").check_fault("slow")


def test_a_signal_of_another_sensor_is_refused_with_those_it_has():
    with pytest.raises(FiregridError, match=r'"pressure_kpa" does not drive .*smoke_db_m'):
        sensor("detector-loop").set("pressure_kpa", 100)


def test_a_value_out_of_range_is_refused_with_the_range():
    with pytest.raises(FiregridError, match=r"1024 is outside the range of counts10_5v.*0…1023"):
        sensor("mq-element").set("counts10_5v", 1024)
