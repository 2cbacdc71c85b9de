"""Simulated boards with every kind that Jinshui Garden does not have: alarms, faults, recovery."""

from pathlib import Path

import pytest
from firegrid.resources import firmware_dir, hal_dir
from firegrid.site.load import load_site
from firegrid_sim.run import Plan, Session
from firegrid_sim.scenario import load_scenario
from firegrid_sim.summary import faults

HERE = Path(__file__).parent
RUN_S = {"contacts": 28, "values": 26, "buses": 28}


class Silent:
    """A run that nobody watches."""

    def say(self, text):
        pass

    def take(self, message):
        pass

    def link(self, stands):
        pass

    def holes(self, count):
        pass


@pytest.mark.full
@pytest.mark.parametrize("name", RUN_S)
def test_every_kind_alarms_clears_and_tells_its_faults(name, tmp_path):
    site = load_site(HERE / "sites" / "faces.toml")
    scenario = load_scenario(HERE / "scenarios" / f"{name}.toml", site)
    assert RUN_S[name] >= max(step.ends_s for step in scenario.steps)
    session = Session(Plan(site, scenario, firmware_dir(), hal_dir()), tmp_path, Silent())
    with session:
        session.run(RUN_S[name])
        summary = session.finish()
    assert faults(summary) == []
