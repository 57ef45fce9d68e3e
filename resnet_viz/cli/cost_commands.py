"""Define the commands ``profile``, ``graph`` and ``sweep``: shapes and costs."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Final

import typer

from resnet_viz.cli.network_options import Network, takes_network
from resnet_viz.cli.output import Batch, Dtype, Out, json_text, require, write
from resnet_viz.costs.flop_counters import LIKE, counted
from resnet_viz.costs.profiling import profile as evaluate, sweep as evaluate_sizes
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import MAX_SIDE
from resnet_viz.views.graph.open_parts import LEVELS, Opening
from resnet_viz.views.row_groups import COSTS
from resnet_viz.views.tables.layer_tables import csv_text
from resnet_viz.views.tables.profile_text import csv_layers, table

__all__ = ["graph", "profile", "sweep"]

_BINARY: Final = ("png", "pdf")


@takes_network
def profile(
    net: Network,
    format: Annotated[str, typer.Option(help="table, json or csv.")] = "table",  # noqa: A002
    batch: Batch = 1,
    dtype: Dtype = "float32",
    like: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Count operations, too, as this does: {', '.join(LIKE)}.",
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Shapes, costs and receptive field of every layer.

    With --like the totals have another number, counted: the operations as a paper or another
    tool counts them. In JSON it stands with its name under totals, in CSV as a column.
    """
    require("--format", format, ("table", "json", "csv"))
    if like is not None:
        require("--like", like, tuple(LIKE))
    report = evaluate(net.spec, replace(net.input, batch=batch), dtype)
    if format == "json":
        document = report.to_dict()
        if like is not None:
            total = counted(report, LIKE[like].ledger)
            document["totals"] |= {"like": like, "counted": total}
        write(json_text(document), out)
    else:
        write(table(report, like) if format == "table" else csv_layers(report, like), out)


@takes_network
def graph(
    net: Network,
    level: Annotated[str, typer.Option(help="stage, block or op.")] = "block",
    format: Annotated[  # noqa: A002
        str, typer.Option(help="dot, svg, png or pdf; json is the profile of what is drawn.")
    ] = "dot",
    toggle: Annotated[
        str,
        typer.Option(
            "--open", metavar="PART,...", help="Open or close by hand: layer1.0,layer3.1-35."
        ),
    ] = "",
    cost: Annotated[
        str, typer.Option(help="What the bars show: macs, output_bytes or params.")
    ] = "macs",
    dark: Annotated[bool, typer.Option("--dark/--light", help="Colours.")] = False,
    column: Annotated[bool, typer.Option("--column", help="From top to bottom.")] = False,
    out: Out = None,
) -> None:
    """Graph of stages, blocks or operations."""
    require("--level", level, LEVELS)
    require("--format", format, ("dot", "json", "svg", *_BINARY))
    require("--cost", cost, tuple(COSTS))
    if format in _BINARY and out is None and sys.stdout.isatty():
        raise typer.BadParameter(
            f"a {format} file cannot be shown in a terminal; name one with --out.",
            param_hint="--format",
        )
    from resnet_viz.views.graph import network_drawing
    from resnet_viz.views.graph.rendering import render

    report = evaluate(net.spec, net.input)
    opening = Opening.parse(level, toggle)
    if unknown := opening.toggled - opening.within(report).toggled:
        raise SpecError(f"--open: this network has no part {min(unknown)} that opens.")
    if format == "json":
        write(json_text(report.to_dict()), out)
        return
    drawing = network_drawing.draw(report, opening, dark=dark, cost=cost, column=column)
    write(drawing.source if format == "dot" else render(drawing, format), out)


@takes_network
def sweep(
    net: Network,
    sizes: Annotated[
        str,
        typer.Option(
            metavar="FROM:TO:STEP",
            help="Heights and widths: 32:1024:8 is 32, 40, ... 1024; or a list, 32,64,224.",
        ),
    ],
    widths: Annotated[
        str | None,
        typer.Option(
            metavar="FROM:TO:STEP",
            help="Each of these widths with each height of --sizes, instead of squares.",
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="csv or json.")] = "csv",  # noqa: A002
    batch: Batch = 1,
    dtype: Dtype = "float32",
    out: Out = None,
) -> None:
    """Totals over many input sizes.

    Of --input only the channels count.
    """
    import numpy as np

    require("--format", format, ("csv", "json"))
    heights = np.array(_parse_sizes("--sizes", sizes))
    across = None
    if widths is not None:
        across = np.array(_parse_sizes("--widths", widths))[None, :]
        heights = heights[:, None]
    result = evaluate_sizes(net.spec, heights, across, batch, dtype)
    head = {"schema": 1, "spec": net.spec.to_dict(), "batch": batch, "dtype": dtype}
    columns = result.columns()
    write(csv_text(columns) if format == "csv" else json_text(head | {"columns": columns}), out)


def _parse_sizes(option: str, text: str) -> list[int]:
    """Sizes written ``FROM:TO`` or ``FROM:TO:STEP``, TO included where it is hit, or as a list."""
    parts = text.split("," if "," in text else ":")
    digits = [part.strip() for part in parts]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in digits):
        raise SpecError(f"{option} is written 32:1024:8 or 32,64,224, not {text[:40]!r}.")
    numbers = [int(part) for part in digits]
    if "," in text or len(numbers) == 1:
        return numbers
    start, stop, step = (*numbers, 1) if len(numbers) == 2 else numbers[:3]
    if len(numbers) > 3 or step < 1 or not 1 <= start <= stop <= MAX_SIDE:
        raise SpecError(
            f"{option} runs from 1 to {MAX_SIDE} at most, upwards, in steps of at least 1, like "
            f"32:1024:8, not {text[:40]!r}."
        )
    return list(range(start, stop + 1, step))
