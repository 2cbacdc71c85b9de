# Starts the application that boot.py has picked.
import main  # noqa: F401
