"""The bench: what is written to which board, over which port, and what came of it."""
