# Starts the application that boot.py has picked.
import micropython

micropython.kbd_intr(-1)  # MicroPython turns Ctrl-C on again for each file of the root
import main  # noqa: E402, F401
