"""What each fault of the model does to a world: `faults.py` says how often, and what must hold."""

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from firegrid.flashlog import SECTOR_BYTES, read_image

from firegrid_sim.faults import Planned

if TYPE_CHECKING:
    from firegrid_sim.world import GatewayWorld

__all__ = ["CUT", "FILL", "FREE", "GO", "HANG", "RAISE", "RELOAD", "TEAR", "WATCHDOG", "Breakage"]

GO, CUT, WATCHDOG, RAISE, HANG, FILL, FREE, RELOAD, TEAR = range(9)  # what the board is told
DOWN_SIGNAL = ("open", "short")  # a gateway must tell these
ODD_SIGNAL = ("rubbish", "stuck")  # it cannot tell these at once
LATE_S = 2.0
HEALS = 0.5  # of all half-open connections
LIE_S = (-40 * 86400.0, 400 * 86400.0)  # the desk's clock beside the true one
RECORD_BYTES = 32
DRIFT, DRIFT_STEPS = (0.05, 0.3), 20
GARBAGE_BYTES = 200
_WELL = {  # nothing is broken
    "passes": True,
    "broker_up": True,
    "desk_up": True,
    "late_s": 0.0,
    "twice": False,
    "lie_s": 0.0,
}


class Breakage:
    """Breaks one world; what is broken heals by itself."""

    def __init__(self, world: "GatewayWorld", seed: str) -> None:
        self._world = world
        self._chance = Random(seed)

    def happens(self, fault: Planned) -> None:
        """Let a fault happen."""
        self._world.hear("fault", name=fault.name, lasts_s=fault.lasts_s)
        getattr(self, fault.name.replace("-", "_"))(fault.lasts_s)

    def _for_a_while(self, name: str, value: bool | float, lasts_s: float) -> None:
        """Let one thing be otherwise, and then as it is when nothing is broken."""
        setattr(self._world, name, value)
        self._world.after(lasts_s, partial(setattr, self._world, name, _WELL[name]))

    # ---- power ----

    def power_cut(self, lasts_s: float) -> None:
        """The power goes."""
        self._world.cut(lasts_s)

    def brown_out(self, lasts_s: float) -> None:
        """It goes three times."""
        for n in range(3):
            self._world.after(n * lasts_s, partial(self._world.cut, 0.2))

    def torn_write(self, lasts_s: float) -> None:
        """It goes in the middle of the next write, and stays away for so long."""
        self._world.torn_s = lasts_s
        self._world.tell(TEAR)

    # ---- network and desk ----

    def link_down(self, lasts_s: float) -> None:
        """The access point is gone."""
        self._world.set_link(False)
        self._world.after(lasts_s, partial(self._world.set_link, True))

    def half_open(self, lasts_s: float) -> None:
        """Packets vanish; then they come after all, or somebody between has forgotten both."""
        world = self._world
        self._for_a_while("passes", False, lasts_s)
        world.after(lasts_s, world.heal if world.rng.random() < HEALS else world.lose_connections)

    def slow_link(self, lasts_s: float) -> None:
        """They take their time."""
        self._for_a_while("late_s", LATE_S, lasts_s)

    def broker_restart(self, lasts_s: float) -> None:
        """The broker dies, and forgets."""
        self._for_a_while("broker_up", False, lasts_s)
        self._world.drop_connections()

    def redelivered(self, lasts_s: float) -> None:
        """The broker hands everything on twice, and in another order."""
        self._for_a_while("twice", True, lasts_s)

    def desk_dies(self, lasts_s: float) -> None:
        """The desk dies with what it has not committed."""
        self._for_a_while("desk_up", False, lasts_s)
        self._world.inbox.clear()

    def clock_lies(self, lasts_s: float) -> None:
        """The desk tells a wrong time."""
        self._for_a_while("lie_s", self._world.rng.uniform(*LIE_S), lasts_s)

    # ---- sensors ----

    def sensor_cut(self, lasts_s: float) -> None:
        """A wire is open or shorted."""
        self._break_sensor(DOWN_SIGNAL, lasts_s)

    def sensor_blip(self, lasts_s: float) -> None:
        """A wire is open for a moment."""
        world = self._world
        sensor = world.sensors[world.rng.choice(world.points).id]
        if DOWN_SIGNAL[0] in sensor.faults and not sensor.fault:
            world.hear("blip", point=sensor.point.id, lasts_s=lasts_s)
            world.set_fault(sensor.point.id, DOWN_SIGNAL[0], aloud=False)
            world.after(lasts_s, partial(world.set_fault, sensor.point.id, None, aloud=False))

    def sensor_odd(self, lasts_s: float) -> None:
        """A sensor is noisy, or stuck where it is."""
        self._break_sensor(ODD_SIGNAL, lasts_s)

    def _break_sensor(self, among: tuple[str, ...], lasts_s: float) -> None:
        world = self._world
        sensor = world.sensors[world.rng.choice(world.points).id]
        kinds = [kind for kind in among if kind in sensor.faults]
        if kinds and not sensor.fault:
            world.set_fault(sensor.point.id, world.rng.choice(kinds))
            world.after(lasts_s, partial(world.set_fault, sensor.point.id, None))

    def bus_stuck(self, lasts_s: float) -> None:
        """The I2C bus is held down."""
        self._world.set_stuck(True)
        self._world.after(lasts_s, partial(self._world.set_stuck, False))

    def sensor_drift(self, lasts_s: float) -> None:
        """It shows more and more of too little or too much, then is as it was."""
        world, chance = self._world, self._chance
        point = chance.choice(world.points).id
        if point in world.drifts:
            return
        worst = chance.choice((-1, 1)) * chance.uniform(*DRIFT)
        world.hear("drift", point=point, on=True)
        for n in range(1, DRIFT_STEPS):
            factor = 1 + worst * n / DRIFT_STEPS
            world.after(lasts_s * n / DRIFT_STEPS, partial(world.drift, point, factor))
        world.after(lasts_s, partial(world.drift, point, None))
        world.drift(point, 1.0)

    def uart_garbage(self, _lasts_s: float) -> None:
        """Bytes come that nobody has typed: what a loose plug or a wrong rate makes of them."""
        size = self._chance.randrange(1, GARBAGE_BYTES)
        ends = self._chance.random()  # some of it looks like lines
        self._world.send_serial(
            bytes(
                0x0A if self._chance.random() < ends / 8 else self._chance.randrange(256)
                for _ in range(size)
            )
        )

    # ---- flash ----

    def bit_rot(self, _lasts_s: float) -> None:
        """One bit of the events' flash, written or not, is another; what stood there may go."""
        world = self._world
        path = world.directory / "partition-events.bin"
        if not path.exists():
            return
        image = bytearray(path.read_bytes())
        at = world.rng.randrange(len(image))
        place, offset = divmod(at, SECTOR_BYTES)
        found = read_image(bytes(image))
        sector = found.sectors[place]
        keys = []
        if sector.state == "used" and sector.first:
            n = sector.first + offset // RECORD_BYTES - 1
            hit = offset >= RECORD_BYTES
            keys = [
                (record["boot"], record["n"])
                for record in found.records
                if sector.first <= record["n"] < sector.first + sector.records
                and (record["n"] == n or not hit)
            ]
        image[at] ^= 1 << world.rng.randrange(8)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(image[at : at + 1])
        world.hear("rot", keys=keys)

    def bad_sector(self, _lasts_s: float) -> None:
        """A sector of the events' flash can be neither erased nor programmed any more."""
        world = self._world
        with (world.directory / "bad.bin").open("ab") as file:
            file.write(bytes([world.rng.randrange(72)]))
        world.tell(RELOAD)

    # ---- the interpreter ----

    def heap_full(self, lasts_s: float) -> None:
        """Something takes nearly all of the heap."""
        self._world.tell(FILL)
        self._world.after(lasts_s, partial(self._world.tell, FREE))

    def task_raises(self, _lasts_s: float) -> None:
        """What the uplink calls raises what nobody expects."""
        self._world.tell(RAISE)

    def task_hangs(self, _lasts_s: float) -> None:
        """A call never returns."""
        self._world.tell(HANG)
