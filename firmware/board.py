"""The board: pins, buses, converters, network, counters. The only file that knows the chip's
modules."""

from binascii import unhexlify

import esp32
import machine
import network
from machine import Pin

I2C_HZ = 400_000
SEND_BYTES = 2560  # of the uplink: one message, and room for replies
_UART = 2  # 0 is the console's, 1 stands on the flash chip's pins by default
_BOOT_MASK = 0xFFFF  # a record has 16 bits for the boot number


class Board:
    """Makes what drivers and tasks are handed; it decides nothing."""

    RESET_CAUSES = ("unknown", "power_on", "hard", "watchdog", "deep_sleep", "soft")

    def __init__(self):
        self.send_buffer = bytearray(SEND_BYTES)  # in one piece: the heap is whole only now
        self._nvs = esp32.NVS("firegrid")
        self._chips = {}
        self._wires = {}  # 1-Wire buses, by pin
        self._line = None
        self.wlan = None  # once there is Wi-Fi

    def count_boot(self):
        """Count this start; return its number, 1..65535."""
        try:
            count = self._nvs.get_i32("boot")
        except OSError:  # the very first start, or the counters were erased
            count = 0
        count = count % _BOOT_MASK + 1
        self._nvs.set_i32("boot", count)
        self._nvs.commit()
        return count

    def partition(self, label):
        """Return a raw data partition of the flash, None where the board has none so named."""
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label)
        return found[0] if found else None

    def held_outputs(self):
        """Return the bits of what stayed on when the board stopped; 0 at the very first start."""
        try:
            return self._nvs.get_i32("held")
        except OSError:
            return 0

    def keep_held_outputs(self, bits):
        """Keep the bits of what stays on over a restart; raise OSError where that fails."""
        self._nvs.set_i32("held", bits)
        self._nvs.commit()

    def reset_cause(self):
        """Return the chip's reset cause, a place in RESET_CAUSES."""
        return machine.reset_cause()

    def watchdog(self, timeout_ms):
        """Arm the watchdog; it cannot be stopped again. Return it: it has feed()."""
        return machine.WDT(timeout=timeout_ms)

    def output(self, number, active):
        """Return an output pin, switched off; `active` is the level that switches it on."""
        return Pin(number, Pin.OUT, value=1 - active)

    def button(self, number):
        """Return the pin of a push button to ground."""
        return Pin(number, Pin.IN, Pin.PULL_UP)

    def rs485(self, settings):
        """Return the Modbus master of the RS-485 line; `input` then finds stations on it."""
        from drivers.rs485 import Rs485

        port = machine.UART(
            _UART,
            baudrate=settings["baud"],
            parity=(None, 1, 0)[settings["parity"]],
            tx=Pin(settings["tx_pin"]),
            rx=Pin(settings["rx_pin"]),
        )
        direction = self.output(settings["de_pin"], 1)
        self._line = Rs485(port, direction, settings["baud"], settings["timeout_ms"])
        return self._line

    def input(self, name, scl_pin, sda_pin):
        """Return the input of a name: "gpio34", "ads1115@0x48/0", "rs485/17", "onewire4" or
        "onewire4/28ff641e8216c328"."""
        if name.startswith("onewire"):
            return self._probe(name[7:])
        if name.startswith("rs485"):
            return self._line.station(int(name[6:]))
        if name.startswith("gpio"):
            from drivers.esp32_adc import Esp32Adc

            return Esp32Adc(machine.ADC(Pin(int(name[4:])), atten=machine.ADC.ATTN_11DB))
        chip, _, channel = name.partition("/")
        address = int(chip.partition("@")[2], 16)
        if address not in self._chips:
            from drivers.ads1115 import ADS1115

            bus = machine.I2C(0, scl=Pin(scl_pin), sda=Pin(sda_pin), freq=I2C_HZ)
            self._chips[address] = ADS1115(bus, address)
        return self._chips[address].input(int(channel))

    def _probe(self, name):
        from onewire import OneWire

        pin, _, rom = name.partition("/")
        if pin not in self._wires:
            self._wires[pin] = OneWire(Pin(int(pin)))
        return self._wires[pin], unhexlify(rom) if rom else None

    def join_network(self, ssid, key):
        """Start Wi-Fi once; from then on the chip reconnects by itself."""
        if self.wlan is None:
            self.wlan = network.WLAN(network.STA_IF)
            self.wlan.active(True)
            try:
                self.wlan.connect(ssid, key)
            except OSError:
                pass  # it has no name as yet

    def has_network(self):
        """Return whether the gateway has an address."""
        return self.wlan is not None and self.wlan.isconnected()

    def network(self):
        """Return (numeric address of the network's name server, strength of its signal in dBm);
        only while the gateway has an address."""
        return self.wlan.ifconfig()[3], self.wlan.status("rssi")
