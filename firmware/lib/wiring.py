"""Which driver delivers which quantities, and the bounds of its parameters.

Generated from host/firegrid/drivers.toml by `python -m firegrid.generate`: do not edit.

DRIVERS[driver] = (quantities as kind/quantity, inputs, {parameter: (min, max, default)},
                   {quantity: (min, max, default) of the parameter span})
GATEWAY = {setting: (min, max, default)}
RS485 = the same for the line that a gateway may have
"""

DRIVERS = {
    "detector-loop": (
        ("smoke/loop_ma",),
        ("gpio", "ads1115"),
        {
            "sense_ohm": (10, 49, 39),
            "open_below_ma": (1, 8, 3),
            "short_above_ma": (25, 50, 50),
        },
        {},
    ),
    "current-loop": (
        (
            "gas/pct_lel",
            "gas/co_ppm",
            "smoke/db_m",
            "hydrant/kpa",
            "sprinkler/kpa",
            "analog/rising_pct",
            "analog/falling_pct",
            "temperature/c",
        ),
        ("gpio", "ads1115"),
        {
            "sense_ohm": (50, 116, 100),
        },
        {
            "gas/pct_lel": (10, 100, 100),
            "gas/co_ppm": (100, 1000, 500),
            "smoke/db_m": (1, 10, 2),
            "hydrant/kpa": (200, 4000, 1600),
            "sprinkler/kpa": (200, 4000, 1600),
            "analog/rising_pct": (100, 100, 100),
            "analog/falling_pct": (100, 100, 100),
            "temperature/c": (100, 200, 150),
        },
    ),
    "mq-element": (
        ("gas/pct_lel",),
        ("ads1115",),
        {
            "supply_mv": (3000, 5500, 5000),
            "load_ohm": (1000, 100000, 10000),
            "clean_air_ohm": (0, 10000000, 0),
            "warm_up_s": (5, 3600, 180),
        },
        {},
    ),
    "residual-current": (
        ("leakage/ma",),
        ("gpio",),
        {
            "ratio": (100, 5000, 1000),
            "burden_ohm": (10, 10000, 1000),
        },
        {},
    ),
    "ratiometric": (
        ("hydrant/kpa", "sprinkler/kpa"),
        ("gpio", "ads1115"),
        {
            "supply_mv": (4500, 5500, 5000),
            "divider_permille": (300, 490, 450),
            "span_kpa": (200, 4000, 1600),
        },
        {},
    ),
    "ntc": (
        ("temperature/c",),
        ("ads1115",),
        {
            "supply_mv": (3000, 3600, 3300),
            "pull_up_ohm": (1000, 47000, 10000),
            "r25_ohm": (1000, 100000, 10000),
            "beta_k": (3000, 5000, 3950),
        },
        {},
    ),
    "contact": (
        (
            "callpoint/state",
            "lift/state",
            "lane/state",
            "valve/state",
            "tamper/state",
            "cap/state",
            "contact/state",
            "mains/state",
        ),
        ("gpio", "ads1115"),
        {
            "supply_mv": (3000, 3600, 3300),
            "pull_up_ohm": (1000, 22000, 10000),
            "rest_ohm": (500, 47000, 10000),
            "active_ohm": (500, 47000, 3200),
            "tolerance_pct": (5, 30, 20),
        },
        {},
    ),
    "modbus": (
        (
            "gas/pct_lel",
            "gas/co_ppm",
            "smoke/db_m",
            "leakage/ma",
            "hydrant/kpa",
            "sprinkler/kpa",
            "temperature/c",
        ),
        ("rs485",),
        {
            "function": (3, 4, 3),
            "register": (0, 65535, 0),
            "words": (1, 2, 1),
            "signed": (0, 1, 0),
            "low_word_first": (0, 1, 0),
            "scale_thousandths": (1, 100000, 1000),
            "scale_counts": (1, 10000, 1),
        },
        {
            "gas/pct_lel": (10, 100, 100),
            "gas/co_ppm": (100, 1000, 1000),
            "smoke/db_m": (1, 20, 20),
            "leakage/ma": (100, 2000, 2000),
            "hydrant/kpa": (200, 4000, 4000),
            "sprinkler/kpa": (200, 4000, 4000),
            "temperature/c": (60, 200, 200),
        },
    ),
    "ds18b20": (
        ("temperature/c",),
        ("onewire",),
        {},
        {},
    ),
    "divider": (
        ("battery/v",),
        ("gpio", "ads1115"),
        {
            "divider_permille": (50, 500, 130),
            "open_below_mv": (1000, 20000, 2000),
            "above_range_mv": (4000, 30000, 15500),
        },
        {},
    ),
    "sounder-line": (
        ("sounder_line/state",),
        ("gpio", "ads1115"),
        {
            "supply_mv": (3000, 3600, 3300),
            "pull_up_ohm": (1000, 22000, 10000),
            "end_ohm": (500, 47000, 10000),
            "tolerance_pct": (5, 30, 20),
        },
        {},
    ),
}

GATEWAY = {
    "keepalive_s": (5, 60, 20),
    "sample_s": (1, 3600, 60),
    "broker_s": (5, 60, 10),
    "desk_s": (10, 60, 30),
    "taken_s": (10, 600, 60),
    "mains_hz": (50, 60, 50),
    "broker_port": (1, 65535, 1883),
}

RS485 = {
    "baud": (1200, 115200, 9600),
    "parity": (0, 2, 0),
    "timeout_ms": (50, 1000, 200),
}
