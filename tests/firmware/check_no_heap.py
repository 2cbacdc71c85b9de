"""Once running, a reading takes no heap at all, from its input to its condition bits."""

from time import ticks_add

from micropython import heap_lock, heap_unlock
from sampling import Sampling

from peaceful import PERIOD_MS, Quiet, channels

START_MS = ticks_add(0, -1000)  # the ticks wrap on the way
READINGS = 40


def test_every_driver_is_sampled_with_the_heap_locked():
    quiet = Quiet()
    all_channels = channels(START_MS)
    assert len(all_channels) >= 15
    sampling = Sampling(all_channels, quiet, quiet, quiet)
    sampling.step(START_MS)
    heap_lock()
    try:
        for n in range(1, READINGS):
            sampling.step(ticks_add(START_MS, n * PERIOD_MS))
    finally:
        heap_unlock()
    for channel in all_channels:
        assert channel.point.value is not None, channel.point.kind
