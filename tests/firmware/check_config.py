"""The configuration file: what is refused, by which words, and what is used instead."""

import json
import os

import config

FOLDER = "/tmp/check_config_" + str(os.urandom(4)[0]) + str(os.urandom(4)[0])
NEWEST = FOLDER + "/config.jsonl"
LAST_GOOD = FOLDER + "/config.good.jsonl"


def gateway(**changes):
    line = {
        "what": "gateway", "format": 1, "version": 3, "site": "s", "gateway": "gw", "points": 1,
        "broker_host": "127.0.0.1", "broker_port": 1883, "wifi_ssid": "", "wifi_key": "",
        "keepalive_s": 20, "sample_s": 60, "broker_s": 10, "desk_s": 30, "taken_s": 60,
        "mains_hz": 50, "button_pin": 4, "scl_pin": 22,
        "sda_pin": 21,
    }  # fmt: skip
    line.update(changes)
    return line


def point(**changes):
    line = {
        "what": "point", "point": 101, "kind": "smoke", "quantity": "loop_ma",
        "driver": "detector-loop", "input": "gpio34",
        "period_ms": 100, "alarm": 15000, "alarm_hysteresis": 2000,
        "alarm_hold_ms": 1000, "alarm_clear_hold_ms": 3000, "sense_ohm": 39, "open_below_ma": 3,
        "short_above_ma": 50,
    }  # fmt: skip
    line.update(changes)
    return line


def transmitter(**changes):
    line = {
        "what": "point", "point": 102, "kind": "gas", "quantity": "pct_lel",
        "driver": "current-loop", "input": "gpio35", "period_ms": 100,
        "alarm": 20000, "alarm_hysteresis": 2000, "alarm_hold_ms": 3000,
        "alarm_clear_hold_ms": 5000, "pre_alarm": 10000, "pre_alarm_hysteresis": 1000,
        "pre_alarm_hold_ms": 3000, "pre_alarm_clear_hold_ms": 5000, "sense_ohm": 100,
        "span": 100,
    }  # fmt: skip
    line.update(changes)
    return line


def station(**changes):
    line = transmitter(
        driver="modbus", input="rs485/17", function=3, register=2, words=1, signed=0,
        low_word_first=0, scale_thousandths=100, scale_counts=1,
    )  # fmt: skip
    del line["sense_ohm"]
    line.update(changes)
    return line


def probe(**changes):
    line = {
        "what": "point", "point": 103, "kind": "temperature", "quantity": "c",
        "driver": "ds18b20", "input": "onewire13", "period_ms": 100,
    }  # fmt: skip
    for level, limit, hysteresis in (("alarm", 85, 3), ("pre_alarm", 70, 3), ("rise", 10, 2)):
        line[level] = limit * 1000
        line[level + "_hysteresis"] = hysteresis * 1000
        line[level + "_hold_ms"] = 5000
        line[level + "_clear_hold_ms"] = 10000
    line.update(changes)
    return line


def rule(**changes):
    line = {
        "what": "rule", "output": "sounder", "when": "alarm", "kind": "smoke",
        "pattern": "steady", "stays": 0, "drills": 1,
    }  # fmt: skip
    line.update(changes)
    return line


LINE = {
    "what": "rs485", "tx_pin": 17, "rx_pin": 16, "de_pin": 23, "baud": 9600, "parity": 0,
    "timeout_ms": 200,
}  # fmt: skip


def rule_of_point(number, **changes):
    line = rule(point=number, **changes)
    del line["kind"]
    return line


VALVE = {"what": "output", "name": "gas_valve", "pin": 23, "active": 1}
OUTPUT = {"what": "output", "name": "sounder", "pin": 25, "active": 1}
GOOD = (gateway(), OUTPUT, point())


def write(path, lines):
    try:
        os.mkdir(FOLDER)
    except OSError:
        pass  # there from the test before
    with open(path, "w") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


def refusal(*lines):
    write(NEWEST, lines)
    try:
        config.check(NEWEST)
    except ValueError as error:
        return str(error)
    return None


def forget():
    for path in (NEWEST, LAST_GOOD):
        try:
            os.remove(path)
        except OSError:
            pass  # was not there


def test_a_good_file_passes():
    assert refusal(*GOOD) is None
    assert refusal(gateway(points=2), point(), transmitter()) is None


def test_rules_for_kinds_and_for_points_pass():
    shut = rule(output="gas_valve", kind="gas", stays=1, drills=0)
    assert refusal(gateway(), OUTPUT, rule(), rule_of_point(101), point()) is None
    assert refusal(gateway(), OUTPUT, VALVE, shut, rule(pattern="off"), point()) is None
    assert refusal(gateway(), OUTPUT, point(), rule_of_point(101)) is None, "in any order"


def test_a_rule_that_cannot_be_kept_is_refused():
    without = rule()
    del without["drills"]
    for lines, words in (
        ((rule(),), "line 2: output sounder is not there"),
        ((OUTPUT, OUTPUT), "line 3: output sounder stands twice"),
        ((OUTPUT, rule(output="bell")), "line 3: output bell is none of"),
        ((OUTPUT, rule(output="alarm_lamp")), "output alarm_lamp is none of"),
        ((OUTPUT, rule(output=["sounder"])), "output ['sounder'] is no text"),
        ((OUTPUT, rule(when="fire")), "when fire is none of"),
        ((OUTPUT, rule(kind="fire")), "kind fire is none of"),
        ((OUTPUT, rule(kind="gateway")), "kind gateway is none of"),
        ((OUTPUT, rule(kind=None)), "kind None is no text"),
        ((OUTPUT, rule(point=101)), "kind is unknown"),
        ((OUTPUT, rule_of_point(0)), "point 0 is outside 1..65535"),
        ((OUTPUT, rule_of_point(102)), "line 3: point 102 is not there"),
        ((OUTPUT, rule_of_point("101")), "point 101 is no whole number"),
        ((OUTPUT, rule(pattern="samba")), "pattern samba is none of"),
        ((OUTPUT, rule(stays=1)), "stays 1 is outside 0..0"),
        ((OUTPUT, rule(drills=2)), "drills 2 is outside 0..1"),
        ((OUTPUT, rule(drills=True)), "drills True is no whole number"),
        ((OUTPUT, without), "drills None is no whole number"),
        ((OUTPUT, rule(colour=1)), "colour is unknown"),
        ((VALVE, rule(output="gas_valve", pattern="fast")), "gas_valve is never pulsed"),
        ((OUTPUT, rule(), rule(pattern="fast")), "line 4: rule sounder at alarm of smoke stands"),
        ((OUTPUT, rule_of_point(101), rule_of_point(101)), "sounder at alarm of 101 stands twice"),
    ):
        said = refusal(gateway(), *(lines + (point(),)))
        assert said and words in said, (words, said)


def test_every_kind_of_mistake_is_refused_by_line_and_key():
    without = point()
    del without["alarm"]
    for lines, words in (
        ((), "empty"),
        (("{",), "line 1: not JSON"),
        (("[1]",), "line 1: not an object"),
        (("x" * 2000,), "line 1: longer than 1024"),
        ((OUTPUT,), "line 1: the first line must be the gateway's"),
        ((gateway(format=2), point()), "format 2, this firmware reads 1"),
        ((gateway(keepalive_s=4), point()), "keepalive_s 4 is outside 5..60"),
        ((gateway(site=7), point()), "site 7 is no text"),
        ((gateway(site="x" * 65), point()), "is no text of at most 64"),
        ((gateway(colour=1), point()), "colour is unknown"),
        ((gateway(points=2), point()), "cut off: 1 of 2 points"),
        ((gateway(points=65), point()), "points 65 is outside 0..64"),
        ((gateway(), {"what": "lamp"}), "line 2: what lamp is none of output, rule, point"),
        (
            (gateway(), {"what": "output", "name": "bell", "pin": 1, "active": 1}),
            "name bell is none of",
        ),
        ((gateway(), point(alarm=60000)), "line 2: alarm 60000 is outside 10000..20000"),
        ((gateway(), point(alarm=15.5)), "alarm 15.5 is no whole number"),
        ((gateway(), point(alarm=True)), "alarm True is no whole number"),
        ((gateway(), without), "alarm None is no whole number"),
        ((gateway(), point(quantity="ma")), "quantity smoke/ma is unknown"),
        (
            (gateway(), point(driver="ratiometric")),
            "driver ratiometric does not deliver smoke/loop_ma",
        ),
        ((gateway(), point(driver="magic")), "driver magic does not deliver"),
        ((gateway(), point(input="uart1")), "input uart1 is none of"),
        ((gateway(), point(period_ms=1)), "period_ms 1 is outside"),
        ((gateway(), transmitter(span=5)), "span 5 is outside 10..100"),
        ((gateway(), transmitter(span=None)), "span None is no whole number"),
        ((gateway(), point(span=5)), "span is unknown"),
        ((gateway(), point(sense_ohm=5)), "sense_ohm 5 is outside 10..49"),
        ((gateway(), point(extra=1)), "extra is unknown"),
        ((gateway(), point(point=0)), "point 0 is outside 1..65535"),
        ((gateway(points=2), point(), point()), "line 3: point 101 stands twice"),
        ((gateway(), station()), "input rs485/17 has no line rs485 above it"),
        ((gateway(), LINE, station(input="rs485/0")), "input rs485/0 names nothing on its bus"),
        ((gateway(), LINE, station(input="rs485/248")), "rs485/248 names nothing"),
        ((gateway(), LINE, station(input="rs485/x")), "rs485/x names nothing"),
        ((gateway(), LINE, station(input="rs485")), "rs485 names nothing"),
        ((gateway(), LINE, station(words=3)), "words 3 is outside 1..2"),
        ((gateway(), LINE, station(register=65536)), "register 65536 is outside 0..65535"),
        ((gateway(), dict(LINE, baud=300), station()), "baud 300 is outside 1200..115200"),
        ((gateway(), dict(LINE, tx_pin=40), station()), "tx_pin 40 is outside 0..39"),
        ((gateway(), dict(LINE, stop=2), station()), "stop is unknown"),
        ((gateway(), probe(input="onewire")), "onewire names nothing"),
        ((gateway(), probe(input="onewire40")), "onewire40 names nothing"),
        ((gateway(), probe(input="onewire13/28")), "onewire13/28 names nothing"),
        ((gateway(), probe(input="onewire13/28ff641e8216c3zz")), "names nothing"),
    ):
        said = refusal(*lines)
        assert said and words in said, (words, said)


def test_stations_and_probes_pass():
    write(NEWEST, (gateway(points=2), LINE, station(), probe()))
    config.check(NEWEST)
    write(NEWEST, (gateway(), probe(input="onewire13/28ff641e8216c328")))
    config.check(NEWEST)


def test_every_file_that_was_cut_off_is_refused():
    text = "\n".join([json.dumps(line) for line in GOOD])
    for end in range(len(text)):
        write(NEWEST, ())
        with open(NEWEST, "w") as file:
            file.write(text[:end])
        try:
            config.check(NEWEST)
        except ValueError:
            continue
        raise AssertionError(f"cut at {end} of {len(text)} passed")


def test_a_good_file_is_kept_as_the_last_good_one():
    forget()
    write(NEWEST, GOOD)
    settings = config.load(NEWEST, LAST_GOOD)
    assert settings.refused is None and settings.path == NEWEST
    assert settings.head["version"] == 3
    config.check(LAST_GOOD)


def test_a_bad_file_falls_back_to_the_last_good_one_and_says_why():
    forget()
    write(LAST_GOOD, (gateway(version=2), OUTPUT, point()))
    write(NEWEST, (gateway(), point(alarm=1)))
    settings = config.load(NEWEST, LAST_GOOD)
    assert settings.path == LAST_GOOD and settings.head["version"] == 2
    assert "alarm 1 is outside" in settings.refused, settings.refused
    assert [line["point"] for line in settings.lines("point")] == [101]


def test_without_any_good_file_there_are_settings_that_are_empty():
    forget()
    settings = config.load(NEWEST, LAST_GOOD)
    assert settings.head is None and settings.refused
    assert list(settings.lines("output")) == [] and list(settings.lines("point")) == []
