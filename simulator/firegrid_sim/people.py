"""The people of a world: who looks at the desk, and who forgets what he began."""

from random import Random
from typing import TYPE_CHECKING

from firegrid import wire

if TYPE_CHECKING:
    from firegrid_sim.world import GatewayWorld

__all__ = ["BEGIN_S", "LOOK_S", "People"]

BEGIN_S = 1_798_761_600  # the world's first second: 2027-01-01, UTC
LOOK_S = 30.0  # so often somebody looks at the desk
TOO_EARLY = 0.2  # resets while the cause stands
LOUD = 0.6  # silences first, and acknowledges later
FORGETS = 1 / 120  # bypasses a point, and never ends it
VALID_S = 60
SILENCE_MIN = 1
BYPASS_MIN = (2, 15)
SETTLED_S = 60.0  # a cause is gone for so long before somebody resets


class People:
    """A duty officer, and an installer; all that they do is a command through the broker."""

    def __init__(self, world: "GatewayWorld", seed: str) -> None:
        self._world = world
        self._chance = Random(f"{seed}/people")
        self._conditions: dict[int, int] = {}
        self._acknowledged: set[int] = set()
        self._sequence = 0

    def stored(self, event: wire.Event) -> None:
        """An event is on the screen."""
        if event.event == "condition":
            self._conditions[event.point] = event.conditions

    def look(self) -> None:
        """Acknowledge what stands, reset once the cause is gone; now and then something else."""
        world, chance = self._world, self._chance.random()
        if not (world.desk_up and world.broker_up):
            return
        alarms = {n for n, bits in self._conditions.items() if n and bits & wire.ALARM}
        stands = any(self._true_now(point.id) for point in world.points)
        if alarms and (not stands or chance < TOO_EARLY):
            self._order("reset")
        elif alarms - self._acknowledged and chance < TOO_EARLY + LOUD:
            self._order("silence", minutes=SILENCE_MIN)
            return
        elif alarms - self._acknowledged:
            self._order("acknowledge")
        elif chance > 1 - FORGETS:
            minutes = self._chance.randint(*BYPASS_MIN)
            self._order("bypass", self._chance.choice(world.points).number, minutes)
        self._acknowledged = alarms

    def _order(self, verb: str, point: int = 0, minutes: int | None = None) -> None:
        world = self._world
        self._sequence += 1
        now_s = round(world.now_us / 1_000_000 + world.lie_s) + BEGIN_S  # by the desk's own clock
        command = wire.Command(
            world.site.id,
            world.gateway.id,
            self._sequence,
            verb,
            1,
            now_s + VALID_S,
            self._sequence,
            point,
            minutes,
        )
        world.hear("verb", verb=verb)
        world.publish(*wire.encode(command))

    def _true_now(self, point: str) -> bool:
        now_s = self._world.now_us / 1_000_000
        place = self._world.rooms[point]
        return any(a <= now_s <= b + SETTLED_S for a, b, *_ in [*place.truths, *place.doubts])
