"""What a call takes on the chip, in microseconds. It is spent in a world only, where no other time
passes while Python runs.

From data sheets, where there are any; from what others have measured; else estimated, for an ESP32
at 240 MHz. Where two stand together, the first is typical and the second the most.
"""

COSTS_US = {
    "look": 2,  # at the clock, at a socket, at the serial port: estimated
    "adc": 40,  # 27,173 a second (labfruits.com, NodeMCU-32S); 35 in MicroPython's issue 7495
    "i2c byte": 23,  # nine clocks of a bus at 400 kHz (NXP UM10204, "Acknowledge")
    "1-wire reset": 960,  # 480 low, 480 for who answers (DS18B20, "Initialization")
    "1-wire byte": 8 * 61,  # eight slots of 60 and 1 between them (DS18B20, "Time Slots")
    "nvs": 3 * 400,  # to commit: an entry, its bit, that of the one before: estimated
    "socket": 200,  # over to the network's task and back: estimated
}
# Flash of 4 MiB (Winbond W25Q32JV, AC characteristics: tPP for a page of 256 bytes, tSE).
PROGRAM_US = (400, 3000)
ERASE_US = (45000, 400000)
