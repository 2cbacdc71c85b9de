"""For `heap`: tells what the simulated chip has taken, once this program is all but gone."""

import gc
import sys
import time

from hal_use import use

held = use()
del use, sys.modules["hal_use"]
gc.collect()
gc.collect()
print("bytes", gc.mem_alloc())
while True:
    time.sleep_ms(100)
