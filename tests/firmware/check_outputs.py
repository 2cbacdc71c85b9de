"""The outputs: what sounder and lamps show for each state of panel and link."""

import outputs
from drivers.indicator import Indicator
from outputs import Outputs


class FakePin:
    def __init__(self):
        self.level = None

    def value(self, level):
        self.level = level


NAMES = ("sounder", "power_lamp", "alarm_lamp", "trouble_lamp", "link_lamp")


class FakePanel:
    conditions = 0
    sounding = False


class FakeUplink:
    def __init__(self, connected, confirmed):
        self.connected = connected
        self.confirmed = confirmed


def lit(conditions=0, sounding=False, uplink=None, at_ms=0):
    """Return which outputs are on at_ms after the panel came to these conditions."""
    pins = {name: FakePin() for name in NAMES}
    panel = FakePanel()
    made = Outputs({name: Indicator(pin) for name, pin in pins.items()}, panel, None)
    if uplink:
        made.watch(uplink)
    panel.conditions, panel.sounding = conditions, sounding
    made.follow(0)
    made.follow(at_ms)
    return {name for name, pin in pins.items() if pin.level}


def test_sounder_and_lamps_follow_at_once():
    assert lit() == {"power_lamp", "link_lamp"}
    assert lit(outputs.ALARM, True) == {"power_lamp", "link_lamp", "alarm_lamp", "sounder"}
    assert lit(outputs.ALARM) == {"power_lamp", "link_lamp", "alarm_lamp"}
    assert lit(outputs.TROUBLE) == {"power_lamp", "link_lamp", "trouble_lamp"}


def test_a_pre_alarm_blinks_and_an_alarm_is_steady():
    assert "alarm_lamp" in lit(outputs.PRE_ALARM) and "alarm_lamp" not in lit(
        outputs.PRE_ALARM, at_ms=700
    )
    assert "alarm_lamp" in lit(outputs.ALARM | outputs.PRE_ALARM, at_ms=700)


def test_the_link_lamp_is_steady_only_when_the_desk_has_everything():
    for uplink, at_ms, on in (
        (None, 100, False),
        (FakeUplink(False, False), 100, False),
        (FakeUplink(True, False), 300, False),
        (FakeUplink(True, False), 600, True),
        (FakeUplink(True, True), 300, True),
        (FakeUplink(True, True), 2000, True),
    ):
        assert ("link_lamp" in lit(uplink=uplink, at_ms=at_ms)) == on, (uplink, at_ms)
