"""Open fire-safety gateways for a community: plan, provision, watch."""

__version__ = "0.1.0"
