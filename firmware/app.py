"""The application: wires everything together and lists all tasks. Needed at the start only."""

import gc
import os

from clock import Clock
from controls import Controls
from health import WATCHDOG_MS, Health
from lib import record
from lib.codes import CONFIG_REFUSED
from lib.forget import forget
from lib.journal import Journal
from lib.panel import Panel
from lib.point import Gateway
from lib.supervisor import Supervisor
from outputs import Outputs
from recorder import Recorder
from sampling import Sampling

VERSION = "0.1.0"


def build(board, root):
    """Return the supervisor of a whole gateway; `root` is the folder of the firmware that was
    booted. The points are watched even where there is nobody to tell."""
    clock = Clock(board.count_boot())
    fresh = int.from_bytes(os.urandom(4), "little") | 1
    journal = Journal(board.partition("events"), board.partition("samples"), fresh)
    forget("lib.recovery")
    gateway = Gateway()
    recorder = Recorder(clock, journal, gateway)
    recorder.note(record.BOOT, value=board.reset_cause() * 1000)
    recorder.recovered()

    wired = assemble(board, clock)
    recorder.trouble(CONFIG_REFUSED, wired.refused is not None)
    if wired.refused:
        print("configuration refused:", wired.refused)
    points = [channel.point for channel in wired.channels]
    recorder.watch(points)
    panel = Panel(points, gateway)
    outputs = Outputs(wired.indicators, panel, clock)
    tasks = Supervisor(clock.ms, recorder.task_failed)
    health = Health(board.watchdog(WATCHDOG_MS), tasks.late, clock)
    tasks.add("sampling", Sampling(wired.channels, panel, outputs, recorder, clock).run, 2000)
    tasks.add("outputs", outputs.run, 2000)
    tasks.add("recorder", recorder.run, 5000)
    tasks.add("health", health.run, 5000)
    head = wired.head
    if head:
        button = board.button(head["button_pin"])
        tasks.add("controls", Controls(button, panel, outputs, recorder, clock).run, 2000)
        identity = identify(root, head, board)
        reported = (identity, [gateway] + points, clock, journal, health, tasks)
        uplink = connect(head, board, clock, journal, recorder, reported)
        outputs.watch(uplink)
        tasks.add("uplink", uplink.run, 60000)
        tasks.add("downlink", uplink.listen, 60000)
    return tasks


# Each of these imports late and forgets: tables and uplink are never in memory together.


def assemble(board, clock):
    """Return what the configuration asks for."""
    from assembly import Assembly

    wired = Assembly(board, clock)
    forget("assembly", "config", "lib.kinds", "lib.wiring")
    gc.collect()
    return wired


def identify(root, head, board):
    """Return the (key, value) pairs of the state that never change while running."""
    from lib.fingerprint import fingerprint

    sha256 = fingerprint(root)
    forget("lib.fingerprint")
    return [
        ("firmware", VERSION),
        ("firmware_sha256", sha256),
        ("config_version", head["version"]),
        ("reset_cause", board.RESET_CAUSES[board.reset_cause()]),
    ]


def connect(head, board, clock, journal, recorder, reported):
    """Return the uplink that carries the journal and a report of what is `reported`."""
    from report import Report
    from uplink import Uplink

    return Uplink(head, board, clock, journal, recorder, Report(*reported))
