"""Which outputs there are, what a rule can drive, and the patterns.

Generated from host/firegrid/rules.toml by `python -m firegrid.generate`: do not edit.

OUTPUTS names all there are (drivers.toml); ACTUATORS[output] for those that a rule can drive: 1
where it is switched and never pulsed. PATTERNS: (name, ms on and off in turn), urgent last.
"""

OUTPUTS = (
    "sounder",
    "power_lamp",
    "alarm_lamp",
    "trouble_lamp",
    "link_lamp",
    "strobe",
    "disabled_lamp",
    "gas_valve",
    "lift_request",
    "charging_relay",
    "fail_safe",
)

ACTUATORS = {
    "sounder": 0,
    "strobe": 0,
    "gas_valve": 1,
    "lift_request": 1,
    "charging_relay": 1,
}

PATTERNS = (
    ("off", (0, 1000)),
    ("beeps", (150, 150, 150, 9550)),
    ("slow", (500, 1500)),
    ("fast", (250, 250)),
    ("temporal3", (500, 500, 500, 500, 500, 1500)),
    ("steady", (1000, 0)),
)
