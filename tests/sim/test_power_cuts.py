"""The power is cut at every program and erase of the journal, in three ways, and once more while
it recovers: no durable record is lost, none invented. The real journal in the VM, flash in RAM."""

import json

import pytest
from vm import HAL, ROOT, run_vm

PROGRAM = ROOT / "tests" / "sim" / "power_cuts_program.py"
FIRMWARE = ROOT / "firmware"
TRIALS = [  # sector size, sectors, appends, seed; small sectors: all that happens happens often
    (512, 8, 500, 1),
    pytest.param(512, 5, 1000, 2, marks=pytest.mark.full),
    pytest.param(512, 16, 1000, 3, marks=pytest.mark.full),
    pytest.param(4096, 5, 1200, 4, marks=pytest.mark.full),
]


def run(firmware, *arguments):
    path = f"{firmware}:{HAL}:.frozen"
    return run_vm(PROGRAM, *arguments, timeout_s=600, MICROPYPATH=path)


@pytest.mark.parametrize(("size", "count", "appends", "seed"), TRIALS)
def test_no_cut_loses_or_invents_a_record(size, count, appends, seed):
    done = run(FIRMWARE, size, count, appends, seed)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    tried, points = sum(said["tried"]), 3 * said["points"]
    print(f"cut points tried {tried} = existing {points}; and {said['second']} second cuts")
    assert said["tried"] == [said["points"]] * 3
    assert said["appends"] == appends >= 500 and said["points"] > appends
    assert said["second"] > tried
    assert size > 512 or min(said["rounds"]) >= 1, "not every ring has come around"


@pytest.mark.full
@pytest.mark.parametrize(
    ("file", "sound", "broken"),
    [
        ("journal", "self.device.writeblocks(place, _ZEROS, 0)", "pass"),
        ("journal", "self._note_state(i)\n", "pass\n"),
        (
            "journal",
            "states = self.states\n",
            "states = self.states\n        self._note_position()\n",
        ),
        ("journal", "            self.states.follow(self.slot)", "            pass"),
        ("recovery", "self._follow(self._notes())", "self._notes()"),
        ("recovery", " - change_age(lane)", ""),
        ("journal", "_NOTE_EVERY = const(64)", "_NOTE_EVERY = const(300)"),
        ("recovery", "== n and record.is_sound(slot)", "== n"),
        ("recovery", "lane.stored = max(lane.stored, stored)", "pass"),
    ],
)
def test_a_planted_mistake_is_found(file, sound, broken, tmp_path):
    lib = tmp_path / "lib"
    lib.mkdir()
    for source in (FIRMWARE / "lib").glob("*.py"):
        (lib / source.name).write_text(source.read_text())
    source = lib / f"{file}.py"
    assert sound in source.read_text()
    source.write_text(source.read_text().replace(sound, broken))
    assert run(tmp_path, 512, 8, 500, 1).returncode != 0
