"""The outputs: what each shows for each state of points, panel and link, by the rules."""

import outputs
from drivers.indicator import FAST, SLOW, STEADY, Indicator
from lib.codes import NOT_TAKEN
from lib.panel import Panel
from lib.point import ALARM, DRILLED, LIVE, PRE_ALARM, SUPERVISORY, TEST, TROUBLE, Gateway, Point
from lib.service import release
from lib.verbs import SILENCE
from micropython import heap_lock, heap_unlock
from outputs import CHIRP_MS, Outputs, Ruled
from selftest import MOMENT_MS

from fakes import FakePin

BEEPS = (150, 150, 150, 9550)
LAMPS = ("power_lamp", "alarm_lamp", "trouble_lamp", "link_lamp")
RULED = ("sounder", "strobe", "gas_valve", "charging_relay")
LIT = {"power_lamp", "link_lamp"}  # in peace, in the first moment of the link's blip


class FakeUplink:
    def __init__(self, connected, confirmed):
        self.connected = connected
        self.confirmed = confirmed


class FakeMemory:
    def __init__(self, held=0):
        self.held = held
        self.writes = 0
        self.broken = False

    def held_outputs(self):
        return self.held

    def keep_held_outputs(self, bits):
        self.writes += 1
        if self.broken:
            raise OSError(5)
        self.held = bits


class Bench:
    """A fire point (1), a gas point (2) and a lift (3); `names` are the lamps that are wired."""

    def __init__(self, lamps=LAMPS, memory=None):
        self.pins = {name: FakePin() for name in lamps + RULED}
        indicators = {name: Indicator(pin) for name, pin in self.pins.items()}
        self.ruled = {
            name: Ruled(indicators[name], name[0] == "s", 1 << at) for at, name in enumerate(RULED)
        }
        sounder, strobe, valve, relay = [self.ruled[name] for name in RULED]
        self.fire = Point(1, "smoke", "", True, [])
        self.gas = Point(2, "gas", "", True, [])
        self.lift = Point(3, "lift", "", False, [])
        self.fire.drives = (
            (sounder, ALARM, 5, STEADY, 0, 1),
            (sounder, PRE_ALARM, 1, BEEPS, 0, 1),
            (strobe, ALARM, 5, STEADY, 0, 1),
            (relay, ALARM, 5, STEADY, 0, 1),
        )
        self.gas.drives = (
            (sounder, ALARM, 3, FAST, 0, 1),
            (sounder, PRE_ALARM, 1, BEEPS, 0, 1),
            (strobe, ALARM, 5, STEADY, 0, 1),
            (valve, ALARM, 5, STEADY, 1, 0),
        )
        self.panel = Panel([self.fire, self.gas, self.lift], Gateway())
        self.outputs = Outputs(indicators, self.ruled, self.panel, None, memory or FakeMemory())
        self.now_ms = 0

    def set(self, point, conditions, mode=LIVE):
        """A point comes to conditions in a mode; the panel takes it as from the sampling."""
        changed = point.conditions ^ conditions
        point.mode = mode
        point.conditions = conditions
        if changed:
            self.panel.take(point, changed)
        self.panel.refresh()
        return self.on()

    def on(self, after_ms=0):
        """Return which outputs are on a while later."""
        self.now_ms += after_ms
        self.outputs.follow(self.now_ms)
        return {name for name, pin in self.pins.items() if pin.level}

    def pattern(self, name):
        return self.outputs._indicators[name].pattern

    def silence(self):
        self.panel.running = [(SILENCE, None, self.now_ms + 600_000)]
        self.panel.refresh()
        return self.on()

    def shown(self, name, span_ms, step_ms=50):
        """Return the moments (ms from now) at which an output went on."""
        begins, was = [], False
        for at_ms in range(0, span_ms, step_ms):
            is_on = name in self.on(step_ms if at_ms else 0)
            if is_on and not was:
                begins.append(at_ms)
            was = is_on
        return begins


def test_in_peace_only_power_and_link_show():
    assert Bench().on() == LIT


def test_a_fire_drives_what_its_rules_say_at_once():
    bench = Bench()
    fire = LIT | {"alarm_lamp", "sounder", "strobe", "charging_relay"}
    assert bench.set(bench.fire, ALARM) == fire
    assert bench.set(bench.fire, 0) == LIT


def test_gas_has_another_sound_and_fire_goes_before_it():
    bench = Bench()
    bench.set(bench.gas, ALARM)
    assert bench.pattern("sounder") == FAST
    bench.set(bench.fire, ALARM)
    assert bench.pattern("sounder") == STEADY
    bench.set(bench.fire, 0)
    assert bench.pattern("sounder") == FAST


def test_a_pre_alarm_beeps_twice_until_it_is_acknowledged():
    bench = Bench()
    bench.set(bench.gas, PRE_ALARM)
    assert bench.shown("sounder", 12_000) == [0, 300, 10_000, 10_300]
    bench.gas.acknowledged = PRE_ALARM
    assert bench.shown("sounder", 12_000) == []
    bench.set(bench.gas, PRE_ALARM | ALARM)
    assert bench.pattern("sounder") == FAST, "what was acknowledged is not the alarm"


def test_an_acknowledged_alarm_sounds_on():
    bench = Bench()
    bench.fire.acknowledged = ALARM
    assert "sounder" in bench.set(bench.fire, ALARM)


def test_silence_stops_the_sounder_and_nothing_else():
    bench = Bench()
    both = bench.set(bench.fire, ALARM) | bench.set(bench.gas, ALARM)
    assert both >= {"sounder", "strobe", "gas_valve", "charging_relay"}
    assert bench.silence() == both - {"sounder"}


def test_a_point_without_rules_drives_lamps_only():
    bench = Bench()
    assert bench.set(bench.lift, ALARM) == LIT | {"alarm_lamp"}
    assert bench.set(bench.lift, SUPERVISORY) == LIT


# ---- what stays ----


def test_a_valve_stays_shut_when_the_gas_has_gone_until_a_local_reset():
    bench = Bench()
    assert "gas_valve" in bench.set(bench.gas, ALARM)
    assert bench.set(bench.gas, 0) == LIT | {"gas_valve"}
    assert "gas_valve" in bench.on(1000)
    release(bench.outputs.ruled, bench.fire)  # of another point
    assert "gas_valve" in bench.on()
    release(bench.outputs.ruled, bench.gas)
    assert "gas_valve" not in bench.on()


def test_a_local_reset_does_not_open_a_valve_while_there_is_gas():
    bench = Bench()
    bench.set(bench.gas, ALARM)
    writes = bench.pins["gas_valve"].writes
    release(bench.outputs.ruled, None)
    assert "gas_valve" in bench.on()
    assert bench.pins["gas_valve"].writes == writes, "not even for a moment"
    assert "gas_valve" in bench.set(bench.gas, 0)
    release(bench.outputs.ruled, None)
    assert bench.on() == LIT


def test_a_relay_that_does_not_stay_goes_with_its_cause():
    bench = Bench()
    assert "charging_relay" in bench.set(bench.fire, ALARM)
    assert "charging_relay" not in bench.set(bench.fire, 0)


def test_what_stays_is_kept_over_a_restart_and_written_only_on_a_change():
    memory = FakeMemory()
    bench = Bench(memory=memory)
    bench.outputs.remember()
    assert memory.writes == 0
    bench.set(bench.gas, ALARM)
    for _ in range(3):
        bench.outputs.remember()
    assert (memory.held, memory.writes) == (4, 1)
    again = Bench(memory=memory)
    assert again.on() == LIT | {"gas_valve"}
    release(again.outputs.ruled, None)
    assert again.on() == LIT
    again.outputs.remember()
    assert (memory.held, memory.writes) == (0, 2)


def test_flash_that_fails_stops_nothing_and_is_not_worn_out():
    memory = FakeMemory()
    memory.broken = True
    bench = Bench(memory=memory)
    bench.set(bench.gas, ALARM)
    for _ in range(3):
        bench.outputs.remember()
    assert memory.writes == 1 and "gas_valve" in bench.on()


# ---- walk test and drill ----


def test_a_walk_test_chirps_once_and_drives_nothing():
    bench = Bench()
    bench.set(bench.gas, 0, TEST)
    assert bench.on(1000) >= {"power_lamp"}
    assert bench.set(bench.gas, ALARM, TEST) & set(RULED) == {"sounder"}
    assert "sounder" in bench.on(CHIRP_MS - 50)
    assert "sounder" not in bench.on(50)
    assert bench.shown("sounder", 5000) == []
    bench.set(bench.gas, 0, TEST)
    assert "sounder" in bench.set(bench.gas, ALARM, TEST), "each activation has a chirp"


def test_a_chirp_does_not_cut_into_an_alarm_and_is_not_kept_for_later():
    bench = Bench()
    bench.set(bench.fire, ALARM)
    bench.set(bench.gas, ALARM, TEST)
    assert bench.shown("sounder", 1000) == [0]
    assert "sounder" not in bench.set(bench.fire, 0)


def test_a_chirp_is_heard_in_a_silence():
    bench = Bench()
    bench.set(bench.fire, ALARM)
    bench.silence()
    assert "sounder" not in bench.on()
    assert "sounder" not in bench.set(bench.gas, ALARM, TEST), "a silenced alarm is silent"


def test_a_drill_drives_what_takes_part_in_drills():
    bench = Bench()
    drilled = bench.set(bench.gas, ALARM, DRILLED)
    assert drilled == LIT | {"alarm_lamp", "sounder", "strobe"}, "but no valve"
    assert bench.set(bench.gas, ALARM, LIVE) == drilled | {"gas_valve"}, "now it is real"
    assert "gas_valve" in bench.set(bench.gas, 0)


def test_what_stays_does_not_stay_for_a_drill():
    bench = Bench()
    valve = bench.ruled["gas_valve"]
    bench.gas.drives = ((valve, ALARM, 5, STEADY, 1, 1),)
    assert "gas_valve" in bench.set(bench.gas, ALARM, DRILLED)
    assert "gas_valve" not in bench.set(bench.gas, 0)


def test_a_drilled_point_drives_its_other_conditions_for_real():
    bench = Bench()
    bench.gas.drives = ((bench.ruled["charging_relay"], TROUBLE, 5, STEADY, 0, 0),)
    assert "charging_relay" in bench.set(bench.gas, ALARM | TROUBLE, DRILLED)


# ---- lamps ----


def test_the_alarm_lamp_flashes_until_acknowledged_and_is_then_steady():
    bench = Bench()
    bench.set(bench.fire, ALARM)
    assert bench.pattern("alarm_lamp") == FAST
    bench.fire.acknowledged = ALARM
    bench.set(bench.fire, ALARM)
    assert bench.pattern("alarm_lamp") == STEADY
    bench.set(bench.gas, PRE_ALARM)
    assert bench.pattern("alarm_lamp") == STEADY
    bench.set(bench.fire, 0)
    assert bench.pattern("alarm_lamp") == SLOW


def test_the_trouble_lamp_is_steady_for_a_trouble_of_a_point_or_of_the_gateway():
    bench = Bench()
    assert bench.set(bench.fire, TROUBLE) == LIT | {"trouble_lamp"}
    assert bench.set(bench.fire, 0) == LIT
    bench.panel.gateway.trouble(21, True)
    bench.panel.refresh()
    assert bench.on() == LIT | {"trouble_lamp"}


def test_what_is_out_of_service_has_its_lamp_or_blinks_the_trouble_lamp():
    for lamps, name, pattern in (
        (LAMPS, "trouble_lamp", SLOW),
        (LAMPS + ("disabled_lamp",), "disabled_lamp", STEADY),
    ):
        for out in ("bypassed", "mode"):
            bench = Bench(lamps)
            setattr(bench.fire, out, TEST)
            bench.panel.refresh()
            bench.on()
            assert bench.pattern(name) == pattern
            bench.set(bench.gas, TROUBLE)
            assert bench.pattern("trouble_lamp") == STEADY
            setattr(bench.fire, out, 0)
            assert bench.set(bench.gas, 0) & {"trouble_lamp", "disabled_lamp"} == set()


def test_the_link_lamp_is_steady_only_when_the_desk_has_everything():
    for uplink, at_ms, on in (
        (None, 100, False),
        (FakeUplink(False, False), 100, False),
        (FakeUplink(True, False), 300, False),
        (FakeUplink(True, False), 600, True),
        (FakeUplink(True, True), 300, True),
        (FakeUplink(True, True), 2000, True),
    ):
        bench = Bench()
        if uplink:
            bench.outputs.watch(uplink)
        bench.on()
        assert ("link_lamp" in bench.on(at_ms)) == on, (uplink, at_ms)


def test_the_link_lamp_flashes_slowly_while_nobody_takes_an_alarm_that_the_desk_has():
    bench = Bench()
    bench.outputs.watch(FakeUplink(True, True))
    bench.panel.gateway.trouble(NOT_TAKEN, True)
    bench.on()
    assert bench.pattern("link_lamp") == SLOW
    bench.outputs.watch(FakeUplink(True, False))
    bench.on()
    assert bench.pattern("link_lamp") == FAST, "the desk comes first"


# ---- self-test ----


def test_a_self_test_shows_each_but_valves_and_relays_alone_for_a_moment():
    bench = Bench()
    bench.on()
    assert bench.outputs.self_test(bench.now_ms)
    seen = [bench.on(MOMENT_MS if at else 0) for at in range(6)]
    assert seen == [
        {"sounder"}, {"strobe"}, {"alarm_lamp"}, {"link_lamp"}, {"power_lamp"}, {"trouble_lamp"},
    ]  # fmt: skip
    assert "power_lamp" in bench.on(MOMENT_MS) and bench.pattern("sounder") == outputs.OFF


def test_a_self_test_is_refused_while_an_alarm_or_pre_alarm_stands():
    for condition in (ALARM, PRE_ALARM):
        bench = Bench()
        before = bench.set(bench.fire, condition)
        assert not bench.outputs.self_test(bench.now_ms)
        assert bench.on() == before


def test_an_alarm_cuts_a_self_test_short():
    bench = Bench()
    bench.outputs.self_test(bench.now_ms)
    assert bench.on(MOMENT_MS) == {"strobe"}
    assert bench.set(bench.gas, ALARM) >= {"sounder", "gas_valve", "power_lamp"}
    bench.set(bench.gas, 0)
    assert "power_lamp" in bench.on(), "it does not go on"


def test_a_self_test_leaves_a_valve_shut():
    bench = Bench()
    bench.set(bench.gas, ALARM)
    bench.set(bench.gas, 0)
    assert bench.outputs.self_test(bench.now_ms)
    assert bench.on() == {"sounder", "gas_valve"}


# ---- the heap ----


def test_following_takes_no_heap():
    bench = Bench()
    for conditions in (0, ALARM, PRE_ALARM | TROUBLE, 0):
        bench.set(bench.gas, conditions)
        heap_lock()
        try:
            bench.outputs.follow(bench.now_ms + 50)
        finally:
            heap_unlock()
    bench.outputs.self_test(bench.now_ms)
    heap_lock()
    try:
        bench.outputs.follow(bench.now_ms)
    finally:
        heap_unlock()


def test_following_tells_when_something_goes_on_by_itself():
    bench = Bench()
    assert bench.outputs.follow(0) == 50, "the link lamp's blip"
    assert bench.outputs.follow(50) == outputs.LOOK_MS
    bench.set(bench.gas, ALARM, TEST)
    assert bench.outputs.follow(60) == outputs.TICK_MS, "it chirps"
    bench.outputs.follow(60 + CHIRP_MS)
    assert bench.outputs.follow(61 + CHIRP_MS) == outputs.LOOK_MS
