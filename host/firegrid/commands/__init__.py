"""One module per command of `firegrid`; each holds a click command named `command`."""
