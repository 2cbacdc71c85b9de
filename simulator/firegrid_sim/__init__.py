"""Simulated gateways: the shipped firmware in MicroPython VMs, driven and broken from outside."""
