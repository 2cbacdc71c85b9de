"""What is written to a board: partition table, identity, file system, interpreter."""
