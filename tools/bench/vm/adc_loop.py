"""Yardstick of `gateways`: four inputs are read ten times a second, and nothing comes of it."""

import asyncio

from machine import ADC, Pin


async def main():
    inputs = [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in (34, 35, 36, 39)]
    while True:
        for adc in inputs:
            adc.read_uv()
        await asyncio.sleep_ms(100)


asyncio.run(main())
