"""What a simulated gateway costs and how fast it is: ratios, each against a named yardstick."""
