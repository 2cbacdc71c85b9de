"""Numeric addresses, told from names: a name must never reach the interpreter's getaddrinfo()."""


def is_address(text):
    """Return whether a text is a numeric IPv4 address."""
    parts = text.split(".")
    return len(parts) == 4 and all(_is_byte(part) for part in parts)


def _is_byte(part):
    return part.isdigit() and len(part) <= 3 and int(part) <= 255
