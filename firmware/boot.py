"""First code after the interpreter: what must be set before anything can fail."""

import gc

import micropython

if hasattr(micropython, "alloc_emergency_exception_buf"):  # not on every port
    micropython.alloc_emergency_exception_buf(100)
gc.threshold(8192)  # collect early and often: the heap must not grow into what Wi-Fi and TLS need
