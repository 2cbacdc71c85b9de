"""The latch."""

from lib.latch import Latch


def test_it_stays_when_the_cause_has_gone():
    latch = Latch()
    assert [latch.update(cause) for cause in (False, True, False)] == [False, True, True]


def test_a_reset_is_refused_while_the_cause_stands():
    latch = Latch()
    latch.update(True)
    assert latch.reset() is False
    assert latch.state


def test_a_reset_lets_go_when_the_cause_has_gone():
    latch = Latch()
    latch.update(True)
    latch.update(False)
    assert latch.reset() is True
    assert not latch.state
    assert latch.update(True), "it can set again"


def test_a_reset_of_what_was_never_set_is_granted():
    latch = Latch()
    assert latch.reset() is True
    assert not latch.state
