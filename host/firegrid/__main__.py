"""Runs the command as `python -m firegrid`."""

from firegrid.cli import main

if __name__ == "__main__":
    main(prog_name="firegrid")
