"""The panel: the conditions of all points taken together, what must sound, and the reset."""

from lib.point import ALARM


class Panel:
    """`points` are lib.point.Point; `gateway` stands for the board itself (point 0)."""

    def __init__(self, points, gateway):
        self.points = points
        self.gateway = gateway
        self.conditions = 0
        self.sounding = False
        self.first_alarm = None  # the point that went into ALARM first; kept until all are out
        self.refresh()

    def refresh(self):
        """Take in what the points say now; cheap, called after every change."""
        conditions = self.gateway.conditions
        sounding = False
        for point in self.points:
            conditions |= point.conditions
            if point.conditions & ALARM:
                sounding = sounding or point.sounds
                if self.first_alarm is None:
                    self.first_alarm = point
        if not conditions & ALARM:
            self.first_alarm = None
        self.conditions = conditions
        self.sounding = sounding

    def reset(self):
        """Ask every point to let go of what is latched; return [(point, changed bits)].

        A point whose cause still stands refuses and stays as it is.
        """
        changes = [(point, point.reset()) for point in self.points]
        self.refresh()
        return [(point, changed) for point, changed in changes if changed]
