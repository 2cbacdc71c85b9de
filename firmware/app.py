"""The application: wires everything together and lists all tasks. Needed at the start only."""

import os

from clock import Clock
from controls import Controls
from health import WATCHDOG_MS, Health
from lib import record
from lib.codes import CONFIG_REFUSED
from lib.forget import forget, scrap
from lib.journal import Journal
from lib.panel import Panel
from lib.point import Gateway
from lib.supervisor import Supervisor
from operation import Operation
from outputs import Outputs
from recorder import Recorder
from sampling import Sampling
from terminal import Terminal

VERSION = "0.1.0"
LATE = (
    "console", "selftest", "commands", "restore", "acts", "improv", "wifi", "lib.improv",
    "lib.act", "lib.lasting", "lib.service", "lib.verbs",
)  # fmt: skip


def build(board, root):
    """Return the supervisor of a whole gateway; `root` is the folder of the firmware that was
    booted. The points are watched even where there is nobody to tell."""
    rehearse()
    gateway = Gateway()
    known = identify(board)
    clock, journal, recorder, restored = recall(board, gateway, known)
    refused, head, indicators, ruled, buses, channels = assemble(board, clock)
    said = introduce(known, head, refused)
    recorder.trouble(CONFIG_REFUSED, refused is not None)
    if refused:
        print("configuration refused:", refused)
    points = [channel.point for channel in channels]
    recorder.watch(points)
    journal.reserve([0] + [point.number for point in points])
    panel = Panel(points, gateway)
    outputs = Outputs(indicators, ruled, panel, clock, board)
    operation = Operation(panel, outputs, recorder, clock, head["taken_s"] if head else 60, said)
    restored.restore(operation)
    del restored  # it would keep its module in memory
    tasks = Supervisor(clock.ms, recorder.task_failed)
    fail_safe = indicators.get("fail_safe")
    health = Health(board.watchdog(WATCHDOG_MS), tasks, panel, fail_safe, clock)
    tasks.add("sampling", Sampling(channels, operation, recorder, clock, buses).run, 2000)
    tasks.add("outputs", outputs.run, 2000)
    tasks.add("recorder", recorder.run, 5000)
    tasks.add("health", health.run, 5000)
    if head:
        button = board.button(head["button_pin"])
        terminal = Terminal(operation, (board, head))
        controls = Controls(button, terminal, operation, clock)
        tasks.add("controls", controls.run, 2000)
        fixed = describe(root, head, board)
        reported = (fixed, panel, clock, journal, health, tasks, board)
        uplink = connect(head, board, clock, journal, recorder, operation, reported)
        outputs.watch(uplink)
        tasks.add("uplink", uplink.run, 60000)
        tasks.add("downlink", uplink.listen, 60000)
    return tasks


def rehearse():
    """Load once what else is loaded only while somebody acts: the interpreter's table of names has
    them from then on, and need not grow when the heap is full."""
    for name in LATE:
        __import__(name)
    scrap(*LATE)


# Each of these imports late and forgets: tables and uplink are never in memory together.


def identify(board):
    """Return what the bench wrote of who this is, by tag."""
    from lib.prov import identity

    known = identity(board.partition("prov"))
    scrap("lib.prov")
    return known


def recall(board, gateway, known):
    """Return clock, journal, recorder, and what brings the panel back once it is wired; the clock
    begins where it was, and this start is told."""
    from restore import Restored

    clock = Clock(board.count_boot())
    fresh = int.from_bytes(os.urandom(4), "little") | 1
    journal = Journal(board.partition("events"), board.partition("samples"), fresh)
    restored = Restored(journal)
    restored.hold_clock(clock, known)
    recorder = Recorder(clock, journal, gateway)
    recorder.note(record.BOOT, value=board.reset_cause() * 1000)
    recorder.recovered()
    forget(
        "lib.recovery", "restore", "acts", "lib.lasting", "lib.service", "lib.verbs", "lib.prov"
    )
    return clock, journal, recorder, restored


def assemble(board, clock):
    """Return what the configuration asks for: why it was refused, its head, indicators, what rules
    drive, buses and channels. Not the Assembly itself: it would keep all the tables in memory."""
    from assembly import Assembly

    wired = Assembly(board, clock)
    parts = (wired.refused, wired.head, wired.indicators, wired.ruled, wired.buses, wired.channels)
    del wired, Assembly
    scrap("assembly", "settings", "lib.kinds", "lib.rules", "lib.wiring")
    return parts


def introduce(known, head, refused):
    """Say who this is and whether it is sound; return the line, for whoever asks later."""
    from who import who

    said = who(VERSION, known, head, refused)
    scrap("who", "lib.prov")
    print(said)
    return said


def describe(root, head, board):
    """Return the (key, value) pairs of the state that never change while running."""
    from lib.fingerprint import fingerprint

    sha256 = fingerprint(root)
    scrap("lib.fingerprint")
    return [
        ("firmware", VERSION),
        ("firmware_sha256", sha256),
        ("config_version", head["version"]),
        ("reset_cause", board.RESET_CAUSES[board.reset_cause()]),
    ]


def connect(head, board, clock, journal, recorder, operation, reported):
    """Return the uplink that carries the journal and a report of what is `reported`."""
    from report import Report
    from uplink import Uplink

    scrap("lib.verbs")  # the report asked it for two numbers
    return Uplink(head, board, clock, journal, recorder, Report(*reported), operation)
