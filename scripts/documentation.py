"""Pages of the documentation that are generated when it is built (a hook of MkDocs).

- ``cli.md``: the help of every command.
- ``api/<room>.md``: what each room of the library names in its ``__init__.pyi``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this checkout is documented, not an installed package

ROOMS: Final = ("network", "costs", "sizing", "images", "weights", "features", "codegen")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {"cli.md": cli_page()}
    pages |= {f"api/{room}.md": api_page(room) for room in ROOMS}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def cli_page() -> str:
    """The help of every command, as it is printed."""
    import typer

    from resnet_viz.cli import app

    group = typer.main.get_command(app)
    introduction = (
        "# Command line\n\n`resnet-viz COMMAND` is the same as `python -m resnet_viz COMMAND`. "
        "Results go to standard output or to `--out`; an error is one sentence on standard error, "
        "with exit status 2."
    )
    parts = [introduction]
    with group.make_context("resnet-viz", [], resilient_parsing=True) as context:
        for name in group.list_commands(context):  # type: ignore[attr-defined]
            command = group.get_command(context, name)  # type: ignore[attr-defined]
            with command.make_context(name, [], parent=context, resilient_parsing=True) as inner:
                parts.append(f"## {name}\n\n```text\n{command.get_help(inner).strip()}\n```")
    return "\n\n".join(parts) + "\n"


def api_page(room: str) -> str:
    """What others may use of a room, in the order of its doorway."""
    package = ROOT / "resnet_viz" / room
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    title, _, summary = docstring.partition(":")
    parts = [f"# {title}\n\n{summary.strip().capitalize()}"]
    parts += [f"::: {path}" for path in _names(package, f"resnet_viz.{room}")]
    return "\n\n".join(parts) + "\n"


def _names(package: Path, prefix: str) -> Iterator[str]:
    for node in ast.parse((package / "__init__.pyi").read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            module = f"{prefix}.{node.module}" if node.module else prefix
            yield from (f"{module}.{alias.name}" for alias in node.names)
