"""Give back the memory of modules that were needed only for a moment."""

import gc
import sys


def forget(*names):
    """Drop modules by their full names; a later import reads them anew."""
    for name in names:
        module = sys.modules.pop(name, None)
        folder, _, own = name.rpartition(".")
        if module and folder:
            delattr(sys.modules[folder], own)
    gc.collect()  # at once: what comes next must not pile up on what went
