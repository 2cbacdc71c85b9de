"""The I2C bus and the ADS1115's registers, timing and ways to fail."""

import errno
import time
from time import sleep_us, ticks_diff, ticks_us

from hal_world import raised, set_channel, set_i2c, took_ms
from machine import I2C, Pin, SoftI2C

CONVERSION = 0
CONFIG = 1
START = 0x8000
SINGLE = 0x0100
AIN0 = 0x4000
PGA_4V096 = 0x0200
SPS_860 = 0x00E0
SPS_8 = 0x0000

bus = I2C(0, scl=Pin(22), sda=Pin(21), freq=400_000)


def chip(address=0x48, channel_v=(1.0, 2.0, 3.0, -0.25)):
    """Put a chip on the bus and drive its four inputs."""
    set_i2c(address, 1)
    for channel, volts in enumerate(channel_v):
        set_channel(8 + 4 * (address - 0x48) + channel, volts)
    return address


def write(address, config):
    bus.writeto_mem(address, CONFIG, bytes([config >> 8, config & 0xFF]))


def read(address, register):
    return int.from_bytes(bus.readfrom_mem(address, register, 2), "big")


def convert(address, config, limit=2000):
    """Start a conversion, wait for it; return (signed result, how long it took in us)."""
    write(address, START | SINGLE | config)
    start = ticks_us()
    for _ in range(limit):
        if read(address, CONFIG) & START:
            break
        sleep_us(50)
    took_us = ticks_diff(ticks_us(), start)
    raw = read(address, CONVERSION)
    return raw - 0x10000 if raw & 0x8000 else raw, took_us


def test_after_power_on_the_config_is_as_in_the_data_sheet():
    assert read(chip(0x4B), CONFIG) == 0x8583
    assert read(0x4B, CONVERSION) == 0


def test_each_input_is_converted_against_ground():
    address = chip()
    for channel, volts in enumerate((1.0, 2.0, 3.0, -0.25)):
        raw, _ = convert(address, AIN0 + 0x1000 * channel | PGA_4V096 | SPS_860)
        assert abs(raw - volts / 4.096 * 32768) <= 1, (channel, raw)


def test_two_inputs_are_converted_against_each_other():
    raw, _ = convert(chip(), 0x0000 | PGA_4V096 | SPS_860)  # AIN0 - AIN1
    assert abs(raw - -1.0 / 4.096 * 32768) <= 1, raw


def test_the_gain_sets_full_scale_and_what_is_beyond_saturates():
    address = chip()
    expected = {0: 6.144, 1: 4.096, 2: 2.048}
    for gain, full_v in expected.items():
        raw, _ = convert(address, AIN0 | gain << 9 | SPS_860)
        assert abs(raw - 1.0 / full_v * 32768) <= 1, (gain, raw)
    for gain in (4, 5, 7):
        assert convert(address, AIN0 | gain << 9 | SPS_860)[0] == 32767, gain
    set_channel(8, -3.0)
    assert convert(address, AIN0 | 2 << 9 | SPS_860)[0] == -32768


def test_a_conversion_takes_as_long_as_its_data_rate_says():
    address = chip()
    for rate, sps in ((4, 128), (6, 475), (7, 860)):
        took_us = min([convert(address, AIN0 | PGA_4V096 | rate << 5)[1] for _ in range(5)])
        assert 1e6 / sps - 200 <= took_us < 1e6 / sps + 50_000, (sps, took_us)


def test_before_its_end_the_old_result_stands():
    address = chip()
    old, _ = convert(address, AIN0 | PGA_4V096 | SPS_860)
    set_channel(8, 2.5)
    start = ticks_us()
    write(address, START | SINGLE | AIN0 | PGA_4V096 | SPS_8)
    seen = read(address, CONFIG) & START, read(address, CONVERSION)
    if ticks_diff(ticks_us(), start) < 125_000:  # the host did not take the processor away
        assert seen == (0, old), seen
    time.sleep_ms(126)
    assert read(address, CONFIG) & START
    assert abs(read(address, CONVERSION) - 20000) <= 1


def test_without_the_start_bit_nothing_is_converted():
    address = chip()
    old, _ = convert(address, AIN0 | PGA_4V096 | SPS_860)
    set_channel(8, 2.5)
    write(address, SINGLE | AIN0 | PGA_4V096 | SPS_860)
    time.sleep_ms(3)
    assert read(address, CONVERSION) == old


def test_in_continuous_mode_the_result_follows():
    address = chip()
    write(address, AIN0 | PGA_4V096 | SPS_860)
    for volts in (0.5, 1.5):
        set_channel(8, volts)
        time.sleep_ms(4)
        read(address, CONVERSION)
        time.sleep_ms(4)
        assert abs(read(address, CONVERSION) - volts / 4.096 * 32768) <= 1


def test_a_waveform_is_taken_at_the_end_of_the_conversion():
    address = chip()
    set_channel(8, 1.0, amp_v=0.5, freq_hz=50)
    readings = [convert(address, AIN0 | PGA_4V096 | SPS_860)[0] for _ in range(40)]
    assert max(readings) - min(readings) > 4000, readings


def test_the_config_is_read_back_as_written():
    address = chip()
    config = START | SINGLE | AIN0 | PGA_4V096 | SPS_860 | 3
    write(address, config)
    time.sleep_ms(3)
    assert read(address, CONFIG) == config


def test_chips_do_not_share_anything():
    chip(0x48)
    chip(0x49, (0.5, 0, 0, 0))
    write(0x48, SINGLE | 0x7003)
    assert abs(convert(0x49, AIN0 | PGA_4V096 | SPS_860)[0] - 4000) <= 1
    assert read(0x48, CONFIG) & 0x7FFF == SINGLE | 0x7003
    assert set(bus.scan()) >= {0x48, 0x49}


def test_an_absent_chip_does_not_answer():
    set_i2c(0x4A, 0)
    assert raised(OSError, read, 0x4A, CONFIG).errno == errno.ENODEV
    assert raised(OSError, write, 0x4A, 0).errno == errno.ENODEV
    assert raised(OSError, bus.readfrom, 0x20, 1).errno == errno.ENODEV
    assert 0x4A not in bus.scan()


def test_a_broken_chip_talks_rubbish():
    chip()
    set_i2c(0x48, 2)
    assert len({read(0x48, CONFIG) for _ in range(20)}) > 10
    set_i2c(0x48, 1)


def test_a_stuck_bus_times_out_after_50_ms_for_everyone():
    chip(0x48)
    set_i2c(0x49, 3)
    error = []
    took = took_ms(lambda: error.append(raised(OSError, read, 0x48, CONFIG)))
    set_i2c(0x49, 0)
    assert error[0].errno == errno.ETIMEDOUT
    assert 50 <= took < 2000, took
    read(0x48, CONFIG)


def test_a_bus_in_software_finds_the_same_chips():
    chip(0x48)
    assert 0x48 in SoftI2C(scl=Pin(22), sda=Pin(21)).scan()
    assert "I2C.deinit" in str(raised(NotImplementedError, getattr, bus, "deinit"))
