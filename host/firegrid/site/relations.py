"""Checks what the tables of a site file say of each other: ids, references, the tree, counts."""

from collections import Counter
from collections.abc import Collection, Iterable

from firegrid import tables
from firegrid.site.fields import Problems, nearest
from firegrid.site.model import Grid, Node, Site
from firegrid.site.pins import check_uses
from firegrid.site.rules import check_rules

__all__ = ["check_relations"]


def check_relations(site: Site, problems: Problems) -> None:
    """Note every contradiction between the parts of a site."""
    _check_unique(site, problems)
    _check_tree(site, problems)
    roles = {person.id: person.roles for person in site.people}
    for grid in site.grids:
        _check_people(grid, roles, problems)
    _check_gateways(site, problems)
    check_uses(site, problems)
    check_rules(site, problems)


def _check_unique(site: Site, problems: Problems) -> None:
    places = [node.id for node in site.nodes] + [grid.id for grid in site.grids]
    _unique(places, "node or grid", "id", problems)
    _unique((person.id for person in site.people), "person", "id", problems)
    _unique((str(person.number) for person in site.people), "person", "number", problems)
    _unique((gateway.id for gateway in site.gateways), "gateway", "id", problems)
    _unique((str(point.number) for point in site.points), "point", "number", problems)
    _unique((point.id for point in site.points), "point", "id", problems)


def _unique(ids: Iterable[str], what: str, key: str, problems: Problems) -> None:
    for ident, count in Counter(ids).items():
        if count > 1 and ident not in ("", "0"):
            problems.add(
                f"{what} {ident}", key, f"stands {count} times in the file; each needs its own"
            )


def _check_tree(site: Site, problems: Problems) -> None:
    nodes = {node.id: node for node in site.nodes}
    for node in site.nodes:
        if node.parent:
            _known(node.parent, nodes, f"node {node.id}", "parent", problems)
        if loop := _loop(node, nodes):
            text = f"the way up comes back to itself: {' → '.join(loop)}; a tree has one root"
            problems.add(f"node {node.id}", "parent", text)
    for grid in site.grids:
        _known(grid.parent, nodes, f"grid {grid.id}", "parent", problems)


def _loop(node: Node, nodes: dict[str, Node]) -> list[str]:
    """Return the ids from a node up to itself; empty where the way up ends or loops elsewhere."""
    way = [node.id]
    while (parent := nodes[way[-1]].parent) in nodes:
        if parent in way:
            return [*way, parent] if parent == node.id == min(way) else []
        way.append(parent)
    return []


def _check_people(grid: Grid, roles: dict[str, tuple[str, ...]], problems: Problems) -> None:
    where = f"grid {grid.id}"
    wanted = [(grid.leader, "leader", "grid-leader")]
    wanted += [(member, "members", "grid-member") for member in grid.members]
    for person, key, role in wanted:
        if _known(person, roles, where, key, problems) and role not in roles[person]:
            problems.add(
                where, key, f'{person} has no role "{role}"; add it to [[person]] {person}'
            )
    if grid.leader and grid.leader in grid.members:
        problems.add(
            where, "members", f"{grid.leader} leads the grid already; name each person once"
        )


def _check_gateways(site: Site, problems: Problems) -> None:
    grids = {grid.id for grid in site.grids}
    gateways = {gateway.id for gateway in site.gateways}
    for gateway in site.gateways:
        _known(gateway.grid, grids, f"gateway {gateway.id}", "grid", problems)
        _check_count(len(site.points_of(gateway.id)), f"gateway {gateway.id}", problems)
    for point in site.points:
        _known(point.gateway, gateways, f"point {point.number} ({point.id})", "gateway", problems)


def _check_count(count: int, where: str, problems: Problems) -> None:
    most = tables.board().points_max
    if count > most:
        problems.add(where, "", f"has {count} points, at most {most} are allowed; add a gateway")


def _known(ident: str, known: Collection[str], where: str, key: str, problems: Problems) -> bool:
    """Note a reference that leads nowhere.

    An empty id was noted when it was read; where one is among the known, nobody can tell.
    """
    if ident and ident not in known and "" not in known:
        problems.add(where, key, f'"{ident}" is not in the file; {nearest(ident, sorted(known))}')
    return ident in known
