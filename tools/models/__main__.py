"""Writes every trace anew, into examples/traces or the folder that is named."""

import sys
from pathlib import Path

from models import fires, hydrants

TRACES = Path(__file__).resolve().parents[2] / "examples" / "traces"

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TRACES
    for path in (*fires.write(folder / "fires"), *hydrants.write(folder / "hydrants")):
        print(path)
