"""Stands in for random in a VM that has none: a generator of its own (xorshift, 32 bits)."""

_state = [2463534242]


def seed(value):
    """Begin anew."""
    _state[0] = (value * 2654435761 + 1) & 0xFFFFFFFF or 1


def getrandbits(bits):
    """Return a number of so many bits, at most 32."""
    state = _state[0]
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    state ^= state << 5 & 0xFFFFFFFF
    _state[0] = state
    return state >> 32 - bits


def random():
    """Return a number from 0 up to 1."""
    return getrandbits(30) / (1 << 30)


def randrange(start, stop):
    """Return a whole number from start up to, not including, stop."""
    return start + getrandbits(30) % (stop - start)


def randint(low, high):
    """Return a whole number from low to high."""
    return randrange(low, high + 1)


def choice(items):
    """Return one of the items."""
    return items[getrandbits(30) % len(items)]
