# Runs before anything else, and is never changed over the air: picks the application that starts.
# /slot is a line of JSON and its SHA-256: {"run":"a"}, or {"run":"a","trial":"b","left":2} while a
# new one is on trial. Where it cannot be read, the one that is whole starts. An application that
# fails before it feeds the watchdog starts again, and noise at the serial port stops nothing.
import sys

import machine
import micropython

micropython.kbd_intr(-1)  # Ctrl-C is a byte like any other; the application knows when it is meant
machine.WDT(timeout=60000)  # the application sets its own


def pick():
    import json
    import os
    from binascii import hexlify
    from hashlib import sha256

    def write(slot):
        line = json.dumps(slot)
        with open("/slot.new", "w") as file:
            file.write(line + "\n" + hexlify(sha256(line.encode()).digest()).decode() + "\n")
        os.rename("/slot.new", "/slot")

    try:
        with open("/slot") as file:
            line = file.readline()[:-1]
            seal = file.readline()[:-1]
        if hexlify(sha256(line.encode()).digest()).decode() != seal:
            raise ValueError
        slot = json.loads(line)
        name = slot["run"]
        if slot.get("left", 0) > 0:
            name = slot["trial"]
            slot["left"] -= 1  # counted before it starts: one that hangs is not tried for ever
            write(slot)
        elif "trial" in slot:
            write({"run": name})
        return name
    except (OSError, ValueError, KeyError):
        for name in "ab":
            try:
                os.stat("/" + name + "/main.mpy")
                return name
            except OSError:
                pass
        return "a"


sys.path.insert(0, "/" + pick())
del pick, machine, micropython
import boot  # noqa: E402, F401 that of the application
