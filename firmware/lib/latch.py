"""Latch: a condition that came stays until a person resets it."""


class Latch:
    """Sets with its cause and stays. A reset is a request: refused while the cause stands."""

    def __init__(self):
        self.cause = self.state = False

    def update(self, cause):
        """Take whether the cause stands now; return whether the latch is set."""
        self.cause = cause
        self.state = self.state or cause
        return self.state

    def reset(self):
        """Let go; return False, and stay set, while the cause stands."""
        if not self.cause:
            self.state = False
        return not self.cause
