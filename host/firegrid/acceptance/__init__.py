"""From the walk through a site to its signed report."""
