"""The registry of a community: its site file, read, checked and turned into gateway settings."""
