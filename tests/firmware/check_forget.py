"""A forgotten module is gone, gives its memory back, and comes again when it is asked for."""

import gc
import sys

import lib.kinds
from lib.forget import forget, scrap


def count():
    return len(lib.kinds.KINDS)  # in a frame of its own, which keeps nothing


def test_a_forgotten_module_gives_its_memory_back_and_can_come_again():
    quantities = count()
    gc.collect()
    before = gc.mem_alloc()
    forget("lib.kinds")
    gc.collect()
    assert gc.mem_alloc() < before - 1000, (before, gc.mem_alloc())
    assert "lib.kinds" not in sys.modules and not hasattr(lib, "kinds")
    from lib.kinds import KINDS

    assert len(KINDS) == quantities


def test_a_scrapped_module_is_empty_and_can_come_again():
    import lib.rules as held

    scrap("lib.rules")
    assert not hasattr(held, "OUTPUTS") and "lib.rules" not in sys.modules
    from lib.rules import OUTPUTS

    assert OUTPUTS
    scrap("lib.rules", "lib.never_imported")


def test_to_forget_what_is_not_there_is_no_mistake():
    forget("lib.never_imported", "never_imported")
