"""Simulated gateways: the shipped firmware in the MicroPython VM, driven and broken at will."""
