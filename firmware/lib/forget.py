"""Give back the memory of modules that were needed only for a moment."""

import gc
import sys


def forget(*names):
    """Drop modules by their full names; a later import reads them anew."""
    for name in names:
        _drop(name)
    gc.collect()  # at once: what comes next must not pile up on what went


def scrap(*names):
    """Forget modules of which nothing is in use any more, and empty them: what the collector takes
    for a pointer to a part of one, left over in the stack, must not keep all of it for years."""
    for name in names:
        module = _drop(name)
        if module:
            module.__dict__.clear()
    gc.collect()


def _drop(name):
    module = sys.modules.pop(name, None)
    folder, _, own = name.rpartition(".")
    if module and folder:
        delattr(sys.modules[folder], own)
    return module
