"""Run the tests over and over with fresh random seeds, until MINUTES have passed or one fails."""

import os
import random
import shlex
import subprocess
import sys
import time

MINUTES = float(os.environ.get("MINUTES", "10"))
ROUNDS = "200"  # of tests/sim/test_rounds.py
DAYS_A_MINUTE = 0.25  # of a world's life, beside all else: a month from two hours on
MONTH_DAYS = 30


def main() -> None:
    """Tell each round's seed, and after a failure the command that repeats it."""
    end_s = time.monotonic() + MINUTES * 60
    rounds = 0
    days = min(MONTH_DAYS, MINUTES * DAYS_A_MINUTE)
    longer = {"ROUNDS": ROUNDS, "SOAK_DAYS": f"{days:g}"}
    while time.monotonic() < end_s:
        seed = random.randrange(2**32)
        drawn = ["--hypothesis-profile=default", f"--hypothesis-seed={seed}"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *drawn]
        rounds += 1
        print(f"round {rounds}, seed {seed}", file=sys.stderr, flush=True)
        if subprocess.run(command, env=os.environ | longer).returncode:
            sys.exit(f"failed; to repeat it: {shlex.join(command)}")
    print(f"{rounds} rounds in {MINUTES:g} minutes, none failed", file=sys.stderr)


if __name__ == "__main__":
    main()
