"""Stands in for asyncio in a VM that has none: tasks are defined there, never run."""
