"""The CPU time that another process has used."""

import platform
import subprocess
import time

from firegrid.errors import FiregridError


def cpu_s(pid: int) -> float:
    """Return the seconds of user and system time that a process has used so far."""
    system = platform.system()
    if system == "Linux":
        return time.clock_gettime(~pid << 3 | 2)  # its clock, as clock_getcpuclockid() numbers it
    if system == "Darwin":
        told = ["ps", "-o", "time=", "-p", str(pid)]
        return seconds(subprocess.run(told, capture_output=True, text=True, check=True).stdout)
    raise FiregridError(f"not on this platform: {system} does not tell a VM's CPU time")


def seconds(text: str) -> float:
    """Read a time as ps prints it: 0:01.23, or 1:02:03 with hours."""
    total = 0.0
    for part in text.strip().split(":"):
        total = 60 * total + float(part)
    return total
