"""Pressure at two hydrants of a street while hydrants run, the main bursts, or a valve is closed.

EPANET (in package wntr) computes it. The network is EPANET's own example Net3; from its junction
253, a dead end, a street's main of ours goes on, as narrow as a main with hydrants may be:

    253 ────────── 300 m ────────── middle ────────── 300 m ────────── far
    near hydrant               valve, or burst                   far hydrant, last houses

EPANET goes from one steady flow to the next: no water hammer. Everything begins after 10 minutes
and has ended after 30.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import wntr
from wntr.network import Control, ControlAction, LinkStatus, WaterNetworkModel
from wntr.network.controls import SimTimeCondition

from models.table import write_table

COLUMNS = {"time_s": 0, "near_kpa": 1, "far_kpa": 1}

STEP_S = 10
BEGINS_S, ENDS_S, OVER_S = 600, 1800, 2400
KPA_PER_M = 9.80665  # of water

NEAR = "253"
HALF_M = 300
MAIN_M = 0.15  # GB 50974-2014 (recalled): a main with hydrants has at least DN 150
ROUGHNESS = 100  # Hazen-Williams, an iron pipe of some age, as in Net3 (recalled: 100…140)
HOUSES_M3_S = 0.004
FIRE_M3_S = 2 * 0.015  # two hydrants of 15 L/s (GB 50974-2014, recalled)
# Below this, the houses get less than they want (EPANET's pressure-driven demand).
WANTED_KPA = 140


def write(folder: Path) -> Iterator[Path]:
    """Write one trace per event; yield their paths."""
    for name, happen in EVENTS.items():
        yield write_table(folder / f"{name}.csv", COLUMNS, flow(happen))


def flow(happen: Callable[[WaterNetworkModel], None]) -> list[tuple[float, float, float]]:
    """Return seconds and the pressure in kPa at the near and the far hydrant."""
    network = _street()
    happen(network)
    with tempfile.TemporaryDirectory() as folder:
        results = wntr.sim.EpanetSimulator(network).run_sim(file_prefix=str(Path(folder, "net")))
    pressure_kpa = results.node["pressure"] * KPA_PER_M
    return [
        # An empty pipe shows no pressure, whatever the equations say.
        (float(at_s), max(float(row[NEAR]), 0.0), max(float(row["far"]), 0.0))
        for at_s, row in pressure_kpa.iterrows()
    ]


def _street() -> WaterNetworkModel:
    network = WaterNetworkModel("Net3")
    _set_times(network)
    hydraulic = network.options.hydraulic
    hydraulic.demand_model = "PDD"
    hydraulic.required_pressure = WANTED_KPA / KPA_PER_M
    elevation_m = network.get_node(NEAR).elevation
    network.add_pattern("always", [1.0])
    network.add_junction("middle", 0.0, "always", elevation_m)
    network.add_junction("far", HOUSES_M3_S, "always", elevation_m)
    network.add_pipe("street-1", NEAR, "middle", HALF_M, MAIN_M, ROUGHNESS)
    network.add_pipe("street-2", "middle", "far", HALF_M, MAIN_M, ROUGHNESS)
    return network


def _set_times(network: WaterNetworkModel) -> None:
    """Go in steps of 10 s; the hours of the network's own patterns stay hours."""
    times = network.options.time
    stretch = int(times.pattern_timestep) // STEP_S
    for _, pattern in network.patterns():
        pattern.multipliers = np.repeat(pattern.multipliers, stretch)
    times.duration = OVER_S
    times.hydraulic_timestep = times.report_timestep = STEP_S
    times.pattern_timestep = times.rule_timestep = STEP_S


def _fire_flow(network: WaterNetworkModel) -> None:
    """The brigade draws from the far hydrants; a demand that does not shrink with the pressure."""
    steps = range(0, OVER_S + STEP_S, STEP_S)
    network.add_pattern("fire", [float(BEGINS_S <= at_s < ENDS_S) for at_s in steps])
    network.get_node("far").add_demand(FIRE_M3_S, "fire")


def _burst(network: WaterNetworkModel) -> None:
    """The main breaks across in the middle and runs into the street, until it is mended."""
    elevation_m = network.get_node("middle").elevation
    network.add_reservoir("street", elevation_m)
    network.add_pipe("break", "middle", "street", 1, MAIN_M, ROUGHNESS, minor_loss=1.5)
    _switch(network, "break", LinkStatus.Opened)


def _closed_valve(network: WaterNetworkModel) -> None:
    """Somebody closes the valve in the middle, and opens it again."""
    _switch(network, "street-2", LinkStatus.Closed)


def _switch(network: WaterNetworkModel, link: str, status: LinkStatus) -> None:
    """Let a link have a status between the beginning and the end, the other one otherwise."""
    pipe = network.get_link(link)
    other = LinkStatus.Closed if status == LinkStatus.Opened else LinkStatus.Opened
    pipe.initial_status = other
    for name, at_s, then in (("begins", BEGINS_S, status), ("ends", ENDS_S, other)):
        when = SimTimeCondition(network, "=", at_s)
        network.add_control(f"{link}-{name}", Control(when, ControlAction(pipe, "status", then)))


EVENTS = {"fire-flow": _fire_flow, "burst": _burst, "closed-valve": _closed_valve}
