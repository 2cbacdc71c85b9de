"""The ESP32's ADC as it is: 1 mV steps, noise, deaf at both ends, block 2 lost to Wi-Fi."""

import errno
import math
import time

import hal_analog
import network
from hal_world import raised, set_channel
from machine import ADC, Pin


def mean_uv(adc, count=64):
    return sum([adc.read_uv() for _ in range(count)]) / count


def test_it_reads_what_is_there_in_steps_of_1_mv():
    adc = ADC(Pin(34), atten=ADC.ATTN_11DB)
    for volts in (0.2, 0.585, 1.65, 2.4):
        set_channel(2, volts)
        readings = [adc.read_uv() for _ in range(64)]
        assert all(uv % 1000 == 0 for uv in readings), readings
        assert abs(sum(readings) / 64 - volts * 1e6) < 2000, (volts, readings)
        assert len(set(readings)) > 2, "the converter itself is noisy"


def test_noise_on_the_wire_comes_on_top():
    adc = ADC(Pin(35))
    set_channel(3, 1.0, noise_v=0.05)
    readings = [adc.read_uv() for _ in range(400)]
    mean = sum(readings) / 400
    sigma_uv = math.sqrt(sum([(uv - mean) ** 2 for uv in readings]) / 400)
    assert 40_000 < sigma_uv < 60_000, sigma_uv


def test_below_142_mv_it_always_reads_142_mv():
    adc = ADC(Pin(34))
    for volts in (-0.5, 0, 0.1):
        set_channel(2, volts)
        assert {adc.read_uv() for _ in range(32)} == {142_000}, volts


def test_above_2450_mv_it_reads_too_little_and_then_nothing_more():
    adc = ADC(Pin(34))
    set_channel(2, 2.8)
    assert 2_600_000 < mean_uv(adc) < 2_750_000
    set_channel(2, 3.3)
    high = mean_uv(adc)
    assert 2_900_000 < high <= 3_128_000, high
    set_channel(2, 5.0)
    assert adc.read_uv() == 3_128_000
    assert adc.read_u16() == 65535


def test_raw_readings_are_twelve_bits_stretched():
    adc = ADC(Pin(33))
    set_channel(1, 0)
    assert adc.read_u16() == 0
    set_channel(1, 1.635)
    assert 32_000 < adc.read_u16() < 33_600
    assert 2_000 < adc.read() < 2_100
    adc.width(ADC.WIDTH_9BIT)
    assert 250 <= adc.read() < 263


def test_less_attenuation_sees_less():
    adc = ADC(Pin(32), atten=ADC.ATTN_0DB)
    set_channel(0, 0.5)
    assert abs(mean_uv(adc) - 500_000) < 2000
    set_channel(0, 1.65)
    assert adc.read_uv() == 1_100_000
    adc.atten(ADC.ATTN_11DB)
    assert abs(mean_uv(adc) - 1_650_000) < 2000


def wave_uv(at_us):
    """What set_channel(..., 1.65, 0.5, 50, 0.1) puts on the wire at a moment."""
    angle = 2 * math.pi * 50 * at_us / 1e6
    return 1.65e6 + 0.5e6 * math.sin(angle) + 0.1e6 * math.sin(3 * angle)


def test_a_waveform_is_seen_at_the_boards_microseconds():
    adc = ADC(Pin(36))
    set_channel(4, 1.65, amp_v=0.5, freq_hz=50, third_v=0.1)
    seen = []
    for _ in range(300):
        before_us = time.now_us()
        uv = adc.read_uv()
        after_us = time.now_us()
        if after_us - before_us < 500:  # the host did not take the processor away
            expected = sorted([wave_uv(before_us), wave_uv(after_us)])
            assert expected[0] - 15_000 < uv < expected[1] + 15_000, (uv, expected)
            seen.append(uv)
        time.sleep_us(170)
    assert max(seen) - min(seen) > 700_000, seen
    rms_uv = math.sqrt(sum([hal_analog.read_uv(4, t) ** 2 for t in range(0, 20_000, 1000)]) / 20)
    assert abs(rms_uv - math.sqrt(1.65**2 + (0.5**2 + 0.1**2) / 2) * 1e6) < 10, rms_uv


def test_an_input_that_nothing_drives_picks_up_anything():
    adc = ADC(Pin(37))
    set_channel(5, 0, driven=0)
    readings = {adc.read_uv() for _ in range(50)}
    assert max(readings) < 700_000
    assert len(readings) > 10


def test_block_2_is_lost_while_wifi_is_on():
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    assert raised(OSError, ADC(Pin(25)).read_uv).errno == errno.ETIMEDOUT
    ADC(Pin(39)).read_uv()
    wlan.active(False)
    assert "not simulated" in str(raised(NotImplementedError, ADC(Pin(25)).read_uv))


def test_a_pin_that_is_no_adc_pin_is_refused():
    for pin in (5, 16, 23):
        assert "invalid pin" in str(raised(ValueError, ADC, Pin(pin))), pin
