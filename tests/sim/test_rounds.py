"""Rounds of misfortune, end to end: after healing nothing is missing and nothing stands twice.

What the flash took is witnessed by the simulated board, outside of what is tested. Three rounds by
default, 30 in `make test-full`, 200 with each of the seeds of `make soak` (ROUNDS); a few of them
on mosquitto as well, where it is installed.
"""

import os
import random
import signal
import time

import pytest
from firegrid import ingest as ingest_module
from firegrid import store as store_module
from firegrid import wire
from firegrid.gaps import find_gaps, unexplained
from firegrid_sim.broker import Broker
from left_out import find
from live import Live
from mosquitto import Mosquitto

ROUNDS = int(os.environ.get("ROUNDS", "30"))
BY_DEFAULT = 1
ON_MOSQUITTO = 10  # one of them by default
STEPS = 4
HEALED_S = 60  # a gateway sends again what was not stored in 30 s
POINTS = {"gw-gate": "smoke-gate", "gw-barn": "smoke-barn"}


@pytest.fixture
def chance(request):
    """Draw as the round's number and the seed of the whole run say."""
    seed = request.config.getoption("--hypothesis-seed") or 0
    return random.Random(f"{seed}/{request.node.name}")


def rounds(count, by_default):
    return pytest.mark.parametrize(
        "number",
        [pytest.param(n, marks=[pytest.mark.full] * (n >= by_default)) for n in range(count)],
    )


@rounds(ROUNDS, BY_DEFAULT)
def test_after_healing_everything_the_flash_took_is_stored_once(number, chance, tmp_path):
    play(Broker, chance, tmp_path)


@pytest.mark.full
@pytest.mark.skipif(not find("mosquitto"), reason="mosquitto is not installed")
@rounds(ON_MOSQUITTO, 1)
def test_so_it_is_on_the_broker_that_a_community_runs(number, chance, tmp_path):
    play(Mosquitto, chance, tmp_path)


def play(broker, chance, directory):
    """Break things in turn, and heal them."""
    with Live("two-gateways", directory, broker=broker) as live:
        live.until(lambda: len(live.online()) == 2, "both are online")
        for blow in chance.sample([kill_gateway, kill_broker, kill_desk, cut_link], STEPS):
            raise_something(live, chance)
            blow(live, chance)
        raise_something(live, chance)
        live.until_settled(HEALED_S)
        live.assert_stored_once()
        assert [gaps for gaps in find_gaps(live.store, live.site.id) if gaps.holes] == []
        assert live.ingest.holes == []


def raise_something(live, chance):
    """Let smoke come or go everywhere; what comes of it is in the journal, or was never taken."""
    for gateway, point in POINTS.items():
        live.smoke(point, chance.random() < 0.5)
        live.fleet.press(gateway, chance.random() < 0.5)
    time.sleep(chance.uniform(0, 1))


def kill_gateway(live, chance):
    """SIGKILL, at any moment of its writing."""
    live.cut_power(chance.choice(list(POINTS)))


def kill_broker(live, chance):
    """All its sessions, and what it had acknowledged, are gone."""
    os.kill(live.broker.pid, signal.SIGKILL)
    raise_something(live, chance)
    live.broker.start()


def kill_desk(live, chance):
    """Between commit and answer: what is stored was neither acknowledged nor answered."""
    stores = len(live.stored())
    live.ingest._answer = lambda positions: None
    live.ingest._client.ack = lambda message: None
    live.cut_power(chance.choice(list(POINTS)))
    live.until(lambda: len(live.stored()) > stores, "something is stored and not answered")
    live.stop_desk()
    raise_something(live, chance)
    live.start_desk()


def cut_link(live, chance):
    """One gateway alone, for a while."""
    gateway = chance.choice(list(POINTS))
    live.fleet.set_link(gateway, False)
    raise_something(live, chance)
    live.fleet.set_link(gateway, True)


# ---- the rounds notice a desk that is broken ----


def test_a_desk_that_drops_one_row_is_found_out(tmp_path, monkeypatch):
    insert = store_module._insert
    dropped = []

    def forgetful(connection, lane, records, *rest):
        new = insert(connection, lane, records, *rest)
        if lane.name == "events" and new and not dropped:
            dropped.append(new[-1].n)
            connection.execute(lane.delete().where(lane.c.n == new[-1].n))
        return new

    monkeypatch.setattr(store_module, "_insert", forgetful)
    with Live("yard", tmp_path) as live:
        live.until(lambda: dropped, "a row is dropped")
        live.smoke("smoke-gate")
        live.until(lambda: live.alarms("smoke-gate"), "an alarm")
        [n] = dropped
        assert holes(live) == [(n, n)]
        with pytest.raises(AssertionError):
            live.assert_stored_once()


def test_a_desk_that_answers_before_it_commits_and_dies_is_found_out(tmp_path, monkeypatch):
    with Live("yard", tmp_path) as live:
        live.until_settled()
        live.until(live.heads, "a state")
        monkeypatch.setattr(ingest_module.Ingest, "_commit", hasty)
        live.smoke("smoke-gate")
        [alarm] = live.until(lambda: live.alarms("smoke-gate"), "an alarm")
        live.until(lambda: not live.ingest._worker.is_alive(), "the desk dies of it")
        live.stop_desk()
        monkeypatch.undo()
        live.start_desk()
        live.until(lambda: live.ingest.holes, "the desk raises the alarm", HEALED_S)
        assert (alarm.event.n, alarm.event.n) in holes(live)


def hasty(self, batch):
    """Answer all of a batch, store nothing, die."""
    events = [event for said in batch if isinstance(said, wire.Events) for event in said.records]
    if not events:
        return {}
    last = events[-1]
    self._answer({(last.site, last.gateway, last.epoch): (last.n, 0)})
    return None


def holes(live):
    """Return the unexplained holes of the store."""
    found = unexplained(find_gaps(live.store, live.site.id))
    return [(hole.first, hole.last) for _, hole in found]
