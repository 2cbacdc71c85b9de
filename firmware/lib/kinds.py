"""What each kind of point measures, and the bounds its levels must keep.

Generated from host/firegrid/kinds.toml by `python -m firegrid.generate`: do not edit.

KINDS[kind/quantity] = (unit, sounds, period_ms min, max, levels)
level = (name, condition bit, above, latch, window_ms, limit min, max, hysteresis min, max,
         hold_ms min, max, clear_hold_ms min, max); with a window_ms it is a rise within that time
Limits and hysteresis are thousandths of the unit; above, latch and sounds are 1 or 0.
QUALIFY[kind/quantity] = (median of so many readings, stuck after so many seconds (0: never), in
         which the input moves by less than so many mV, 1 where dust is taken off)
"""

KINDS = {
    "smoke/loop_ma": (
        "mA",
        1,
        50,
        100,
        (("alarm", 1, 1, 1, 0, 10000, 20000, 500, 5000, 0, 10000, 0, 30000),),
    ),
    "smoke/db_m": (
        "dB/m",
        1,
        50,
        100,
        (
            ("alarm", 1, 1, 1, 0, 50, 300, 10, 100, 0, 10000, 0, 30000),
            ("pre_alarm", 2, 1, 0, 0, 30, 250, 10, 100, 0, 10000, 0, 30000),
        ),
    ),
    "gas/pct_lel": (
        "%LEL",
        1,
        50,
        100,
        (
            ("alarm", 1, 1, 1, 0, 5000, 25000, 500, 5000, 0, 15000, 0, 30000),
            ("pre_alarm", 2, 1, 0, 0, 3000, 20000, 500, 5000, 0, 15000, 0, 30000),
        ),
    ),
    "gas/co_ppm": (
        "ppm",
        1,
        50,
        100,
        (
            ("alarm", 1, 1, 1, 0, 50000, 300000, 2000, 50000, 0, 15000, 0, 30000),
            ("pre_alarm", 2, 1, 0, 0, 10000, 160000, 1000, 50000, 0, 15000, 0, 30000),
        ),
    ),
    "leakage/ma": (
        "mA",
        1,
        100,
        200,
        (
            ("alarm", 1, 1, 1, 0, 20000, 1000000, 5000, 100000, 0, 20000, 0, 30000),
            ("pre_alarm", 2, 1, 0, 0, 20000, 1000000, 5000, 100000, 0, 20000, 0, 30000),
        ),
    ),
    "hydrant/kpa": (
        "kPa",
        0,
        200,
        60000,
        (
            ("alarm", 1, 0, 0, 0, 50000, 400000, 2000, 50000, 0, 60000, 0, 60000),
            ("supervisory", 4, 0, 0, 0, 70000, 500000, 2000, 50000, 0, 60000, 0, 60000),
            ("high", 4, 1, 0, 0, 300000, 4000000, 10000, 200000, 0, 60000, 0, 60000),
        ),
    ),
    "sprinkler/kpa": (
        "kPa",
        0,
        200,
        60000,
        (("supervisory", 4, 0, 0, 0, 20000, 500000, 2000, 50000, 0, 60000, 0, 60000),),
    ),
    "temperature/c": (
        "°C",
        1,
        50,
        100,
        (
            ("alarm", 1, 1, 1, 0, 55000, 140000, 1000, 10000, 0, 20000, 0, 60000),
            ("pre_alarm", 2, 1, 0, 0, 45000, 135000, 1000, 10000, 0, 20000, 0, 60000),
            ("rise", 1, 1, 1, 60000, 5000, 30000, 500, 4000, 0, 20000, 0, 60000),
        ),
    ),
    "callpoint/state": (
        "",
        1,
        50,
        200,
        (("alarm", 1, 1, 1, 0, 1000, 1000, 500, 500, 0, 1000, 0, 30000),),
    ),
    "lift/state": (
        "",
        0,
        50,
        1000,
        (("alarm", 1, 1, 0, 0, 1000, 1000, 500, 500, 0, 10000, 0, 60000),),
    ),
    "lane/state": (
        "",
        0,
        50,
        1000,
        (("supervisory", 4, 1, 0, 0, 1000, 1000, 500, 500, 5000, 3600000, 0, 600000),),
    ),
    "valve/state": (
        "",
        0,
        50,
        1000,
        (("supervisory", 4, 1, 0, 0, 1000, 1000, 500, 500, 0, 60000, 0, 60000),),
    ),
    "tamper/state": (
        "",
        0,
        50,
        1000,
        (("supervisory", 4, 1, 1, 0, 1000, 1000, 500, 500, 0, 10000, 0, 60000),),
    ),
    "cap/state": (
        "",
        0,
        50,
        1000,
        (("supervisory", 4, 1, 0, 0, 1000, 1000, 500, 500, 0, 60000, 0, 60000),),
    ),
    "contact/state": (
        "",
        0,
        50,
        1000,
        (("supervisory", 4, 1, 0, 0, 1000, 1000, 500, 500, 0, 3600000, 0, 3600000),),
    ),
    "analog/rising_pct": (
        "%",
        0,
        100,
        60000,
        (
            ("alarm", 1, 1, 0, 0, 1000, 100000, 100, 20000, 0, 60000, 0, 60000),
            ("pre_alarm", 2, 1, 0, 0, 1000, 100000, 100, 20000, 0, 60000, 0, 60000),
            ("supervisory", 4, 1, 0, 0, 1000, 100000, 100, 20000, 0, 60000, 0, 60000),
        ),
    ),
    "analog/falling_pct": (
        "%",
        0,
        100,
        60000,
        (
            ("alarm", 1, 0, 0, 0, 500, 95000, 100, 20000, 0, 60000, 0, 60000),
            ("pre_alarm", 2, 0, 0, 0, 500, 95000, 100, 20000, 0, 60000, 0, 60000),
            ("supervisory", 4, 0, 0, 0, 500, 95000, 100, 20000, 0, 60000, 0, 60000),
        ),
    ),
    "mains/state": (
        "",
        0,
        50,
        1000,
        (("trouble", 8, 1, 0, 0, 1000, 1000, 500, 500, 0, 60000, 0, 60000),),
    ),
    "battery/v": (
        "V",
        0,
        200,
        60000,
        (("trouble", 8, 0, 0, 0, 3200, 25000, 100, 2000, 0, 60000, 0, 60000),),
    ),
    "sounder_line/state": (
        "",
        0,
        50,
        1000,
        (),
    ),
}

QUALIFY = {
    "smoke/loop_ma": (3, 0, 0, 0),
    "smoke/db_m": (3, 3600, 0, 1),
    "gas/pct_lel": (3, 3600, 0, 0),
    "gas/co_ppm": (3, 3600, 0, 0),
    "leakage/ma": (1, 3600, 0, 0),
    "hydrant/kpa": (3, 86400, 3, 0),
    "sprinkler/kpa": (3, 86400, 0, 0),
    "temperature/c": (3, 3600, 0, 0),
    "callpoint/state": (1, 0, 0, 0),
    "lift/state": (1, 0, 0, 0),
    "lane/state": (1, 0, 0, 0),
    "valve/state": (1, 0, 0, 0),
    "tamper/state": (1, 0, 0, 0),
    "cap/state": (1, 0, 0, 0),
    "contact/state": (1, 0, 0, 0),
    "analog/rising_pct": (3, 0, 0, 0),
    "analog/falling_pct": (3, 0, 0, 0),
    "mains/state": (1, 0, 0, 0),
    "battery/v": (1, 0, 0, 0),
    "sounder_line/state": (1, 0, 0, 0),
}
