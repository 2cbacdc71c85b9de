"""Pins and pulses: levels from the world, edges to it, and what the ESP32 refuses."""

from hal_world import edges, raised, set_pin
from machine import PWM, Pin, Signal


def test_an_output_leaves_its_edges_and_only_edges():
    pin = Pin(25, Pin.OUT, value=0)
    pin.value(1)
    pin.value(1)
    pin.on()
    pin.off()
    pin(1)
    pin.toggle()
    mine = [value for number, value, _ in edges() if number == 25]
    assert mine == [0, 1, 0, 1, 0], mine
    assert pin.value() == 0


def test_a_level_outlives_the_object():
    Pin(26, Pin.OUT, value=1)
    assert Pin(26, Pin.OUT).value() == 1
    Pin(26, Pin.OUT, value=1)
    assert [value for number, value, _ in edges() if number == 26] == [1]


def test_an_input_reads_the_world():
    button = Pin(4, Pin.IN, Pin.PULL_UP)
    assert button.value() == 1
    set_pin(4, 0)
    assert button() == 0
    assert Pin(39, Pin.IN).value() == 1
    set_pin(39, 0)
    assert Pin(39).value() == 0


def test_a_signal_turns_the_level_round():
    lamp = Signal(Pin(27, Pin.OUT, value=1), invert=True)
    lamp.on()
    assert Pin(27, Pin.OUT).value() == 0


def test_the_chip_refuses_pins_that_it_lacks():
    for number in (-1, 6, 11, 20, 24, 28, 31, 40):
        assert str(raised(ValueError, Pin, number)) == "invalid pin", number
    for number in (34, 39):
        assert str(raised(ValueError, Pin, number, Pin.OUT)) == "pin can only be input", number


def test_pulses_are_edges_with_a_frequency():
    buzzer = PWM(Pin(18), freq=2000, duty_u16=32768)
    buzzer.duty_u16(0)
    buzzer.freq(500)
    buzzer.duty(512)
    assert (buzzer.freq(), buzzer.duty(), buzzer.duty_u16()) == (500, 512, 32768)
    buzzer.deinit()
    mine = [edge[1:] for edge in edges() if edge[0] == 18]
    assert mine == [(1, 2000), (0, 2000), (0, 500), (1, 500), (0, 0)], mine


def test_what_is_not_simulated_is_named():
    assert str(raised(NotImplementedError, lambda: Pin(4).irq())) == "Pin.irq is not simulated"
