"""Draw the imports between rooms for the documentation: ``python scripts/draw_architecture.py``.

Writes ``docs/images/architecture.svg``. An arrow that follows from others is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import networkx
import pygraphviz

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = ROOT / "resnet_viz"
DRAWING: Final = ROOT / "docs" / "images" / "architecture.svg"


def rooms() -> list[str]:
    """The rooms of the package: folders, and modules other than the entry points."""
    folders = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    modules = [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    return sorted([*folders, *modules])


def imports() -> set[tuple[str, str]]:
    """Pairs of a room and another that it imports, read from the source."""
    known = set(rooms())
    return {
        (room, imported)
        for room in known
        for path in ([PACKAGE / f"{room}.py"], (PACKAGE / room).rglob("*.py"))[
            (PACKAGE / room).is_dir()
        ]
        for imported in _imported(path)
        if imported in known and imported != room
    }


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != PACKAGE.name else []
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == PACKAGE.name and rest:
                yield rest.partition(".")[0]


def arrows() -> set[tuple[str, str]]:
    """The imports without those that follow from others."""
    graph = networkx.DiGraph(imports())
    return set(networkx.transitive_reduction(graph).edges)


def main() -> None:
    """Write the drawing."""
    graph = pygraphviz.AGraph(directed=True, strict=True)
    graph.graph_attr.update(bgcolor="transparent", nodesep="0.35", ranksep="0.4")
    graph.node_attr.update(
        shape="box", style="rounded,filled", fillcolor="#E8F1FA", color="#0072B2",
        fontname="Helvetica,Arial,sans-serif", fontsize="12",
    )  # fmt: skip
    graph.edge_attr.update(color="#6B7280", arrowsize="0.7")
    graph.add_nodes_from(rooms())
    graph.add_edges_from(sorted(arrows()))
    DRAWING.parent.mkdir(parents=True, exist_ok=True)
    DRAWING.write_bytes(graph.draw(format="svg", prog="dot"))


if __name__ == "__main__":
    main()
