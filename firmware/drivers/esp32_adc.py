"""One analog pin of the ESP32's own converter (ADC block 1, pins 32 to 39).

With 11 dB attenuation the calibrated reading holds between 150 and 2450 mV (ESP-IDF, ADC
calibration). Below, it shows some voltage up to 150 mV whatever is there; above, it flattens
out. So a reading at or below `floor_uv` means "at or below the floor"; one above `ceiling_uv` is
none at all.

Use:

    pin = Esp32Adc(machine.ADC(machine.Pin(34), atten=machine.ADC.ATTN_11DB))
    microvolts = pin.read_uv()
"""

from micropython import const

from lib.codes import NO_ANSWER, SATURATED

_READS = const(4)  # noise is several millivolts; four reads take well under half a millisecond


class Esp32Adc:
    """`adc` is a machine.ADC with 11 dB attenuation."""

    floor_uv = 150_000
    ceiling_uv = 2_450_000

    def __init__(self, adc):
        self._adc = adc
        self.uv = None  # of the last read
        self.code = 0

    def read_uv(self):
        """Return the mean of a few reads in microvolts, else None with the reason in `code`."""
        total_uv = 0
        self.uv = None
        try:
            for _ in range(_READS):
                total_uv += self._adc.read_uv()
        except OSError:
            self.code = NO_ANSWER
            return None
        uv = total_uv // _READS
        if uv > self.ceiling_uv:
            self.code = SATURATED
            return None
        self.code = 0
        self.uv = uv
        return uv
