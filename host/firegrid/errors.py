"""Errors meant for a person: what was seen, what is allowed, what to do next."""


class FiregridError(Exception):
    """A mistake or a missing thing that the user can mend: one line, never a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message
