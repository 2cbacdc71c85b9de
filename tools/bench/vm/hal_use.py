"""For `heap`: holds of the simulated chip at once what a gateway holds at once."""

import select
import socket

import esp32
import machine
import network
from machine import ADC, I2C, WDT, Pin


def use():
    nvs = esp32.NVS("bench")
    nvs.set_i32("boot", 1)
    nvs.commit()
    pins = [Pin(number, Pin.OUT, value=0) for number in (25, 26, 27, 18, 19)]
    pins[0].value(1)
    bus = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)
    bus.writeto_mem(0x48, 1, b"\xc3\xe3")
    inputs = [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in (34, 35, 36, 39)]
    for adc in inputs:
        adc.read_uv()
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.connect("", "")
    wlan.isconnected()
    peer = socket.socket()
    poller = select.poll()
    poller.register(peer, select.POLLIN)
    machine.reset_cause()
    return nvs, pins, bus, inputs, wlan, peer, poller, WDT(timeout=60000)
