"""A site as a tree: places, grids, gateways, and each point with the levels that will be used."""

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from firegrid import tables, words
from firegrid.site.model import Gateway, Grid, Level, Node, Point, Site

__all__ = ["site_rows", "site_tree"]

Row = dict[str, Any]
CONDITION_NAMES = {bit: name for name, bit in tables.BITS.items()}


def site_rows(site: Site) -> list[Row]:
    """Return the tree as nested rows: each has what, id, name, and the rows below it."""
    return [_node_row(site, node) for node in site.nodes if not node.parent]


def site_tree(site: Site) -> Tree:
    """Return the tree for a terminal."""
    tree = Tree(f"[bold]{escape(site.name)}[/] {site.id}, {site.timezone}, {site.mains_hz} Hz")
    for row in site_rows(site):
        _hang(tree, row)
    return tree


def _node_row(site: Site, node: Node) -> Row:
    inside = [_node_row(site, child) for child in site.nodes if child.parent == node.id]
    inside += [_grid_row(site, grid) for grid in site.grids if grid.parent == node.id]
    return {"what": node.kind, "id": node.id, "name": node.name, "inside": inside}


def _grid_row(site: Site, grid: Grid) -> Row:
    gateways = [_gateway_row(site, gw) for gw in site.gateways if gw.grid == grid.id]
    return {
        "what": "grid",
        "id": grid.id,
        "name": grid.name,
        "leader": grid.leader,
        "members": list(grid.members),
        "households": grid.households,
        "residents": grid.residents,
        "inside": gateways,
    }


def _gateway_row(site: Site, gateway: Gateway) -> Row:
    points = [_point_row(point) for point in site.points_of(gateway.id)]
    return {"what": "gateway", "id": gateway.id, "name": gateway.place, "inside": points}


def _point_row(point: Point) -> Row:
    return {
        "what": "point",
        "id": point.id,
        "name": point.place,
        "number": point.number,
        "kind": point.kind,
        "driver": point.driver,
        "input": point.input,
        "unit": point.unit,
        "levels": {name: _level_row(level) for name, level in point.levels.items()},
        "inside": [],
    }


def _level_row(level: Level) -> Row:
    return {
        "condition": CONDITION_NAMES[level.bit],
        "direction": "above" if level.above else "below",
        "window_s": level.window_s,
        "limit": level.limit,
        "clears_at": level.clears_at,
        "hold_ms": level.hold_ms,
        "latch": level.latch,
    }


def _hang(tree: Tree, row: Row) -> None:
    branch = tree.add(" ".join(_label(row)))
    for inner in row["inside"]:
        _hang(branch, inner)


def _label(row: Row) -> Iterator[str]:
    name = escape(row["name"])
    if row["what"] == "point":
        yield f"[bold]{row['number']}[/] {row['id']} [dim]{name}[/]"
        kind = words.kind(row["kind"])
        yield words.tell("tree.wired", kind=kind, driver=row["driver"], input=row["input"])
        yield _levels(row)
    elif row["what"] == "gateway":
        yield f"[cyan]{row['id']}[/] [dim]{name}[/]"
    elif row["what"] == "grid":
        yield f"[green]{name}[/] {row['id']}"
        members = words.listed(row["members"]) or words.tell("tree.nobody")
        workers = words.tell("tree.workers", leader=row["leader"], members=members)
        yield f"[dim]{workers}[/]"
    else:
        yield f"{words.word('nodes', row['what'])} [bold]{name}[/]"


def _levels(row: Row) -> str:
    return words.listed(_when(level, row["unit"]) for level in row["levels"].values())


def _when(level: Row, unit: str) -> str:
    condition = words.word("conditions", level["condition"])
    if not unit:
        return words.tell("tree.active", condition=condition)
    limit = f"{level['limit']:g}"
    if level["window_s"]:
        window_s = level["window_s"]
        return words.tell(
            "tree.rise", condition=condition, limit=limit, unit=unit, window_s=window_s
        )
    return words.tell(f"tree.{level['direction']}", condition=condition, limit=limit, unit=unit)
