"""Which points an installer means: those of a node, a grid or a gateway, one, or all."""

from firegrid.errors import FiregridError
from firegrid.site.model import Point, Site

__all__ = ["points_of"]


def points_of(site: Site, areas: tuple[str, ...]) -> list[Point]:
    """Return the points of the areas, in the order of the site file; all where none is named."""
    if not areas:
        return list(site.points)
    chosen = {number for area in areas for number in _numbers(site, area)}
    return [point for point in site.points if point.number in chosen]


def _numbers(site: Site, area: str) -> list[int]:
    parents = {node.id: node.parent for node in site.nodes}
    parents |= {grid.id: grid.parent for grid in site.grids}
    parents |= {gateway.id: gateway.grid for gateway in site.gateways}
    found = [
        point.number
        for point in site.points
        if area in (point.id, str(point.number)) or area in _above(point.gateway, parents)
    ]
    if not found:
        known = ", ".join(parents)
        raise FiregridError(f"{site.id} has no point in {area!r}", f"name a point, or: {known}")
    return found


def _above(ident: str, parents: dict[str, str]) -> list[str]:
    """Return an id and all that it lies in."""
    return [ident, *(_above(parents[ident], parents) if parents.get(ident) else [])]
