"""The same library from a terminal: ``python -m resnet_viz``.

Each command takes the whole network; its options stand once, in `cli_network`. Whatever the user
can mend is one sentence on standard error, with exit status 2.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from resnet_viz.cli_network import Network, takes_network
from resnet_viz.errors import ResNetVizError, SpecError
from resnet_viz.ledger import LIKE, counted
from resnet_viz.profile import DTYPE_BYTES, profile, sweep
from resnet_viz.sources import FIRST_CONVS, FirstConv
from resnet_viz.spec import MAX_SIDE
from resnet_viz.units import si
from resnet_viz.views.opening import LEVELS, Opening
from resnet_viz.views.outline import COSTS
from resnet_viz.views.tables import csv_text
from resnet_viz.views.text import csv_layers, table

__all__ = ["app", "main"]

app = typer.Typer(
    name="python -m resnet_viz",
    help="Any ResNet at any input size: its shapes, costs, graph and feature maps.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_BINARY: Final = ("png", "pdf")

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Instead of stdout.")]
Batch = Annotated[int, typer.Option(metavar="N", help="Pictures at once.")]
Dtype = Annotated[str, typer.Option(help=f"Count bytes in {', '.join(DTYPE_BYTES)}.")]


@app.command("profile")
@takes_network
def _profile(
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
    _require("--format", format, ("table", "json", "csv"))
    if like is not None:
        _require("--like", like, tuple(LIKE))
    report = profile(net.spec, replace(net.input, batch=batch), dtype)
    if format == "json":
        document = report.to_dict()
        if like is not None:
            total = counted(report, LIKE[like].ledger)
            document["totals"] |= {"like": like, "counted": total}
        _write(_json(document), out)
    else:
        _write(table(report, like) if format == "table" else csv_layers(report, like), out)


@app.command("graph")
@takes_network
def _graph(
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
    _require("--level", level, LEVELS)
    _require("--format", format, ("dot", "json", "svg", *_BINARY))
    _require("--cost", cost, tuple(COSTS))
    if format in _BINARY and out is None and sys.stdout.isatty():
        raise typer.BadParameter(
            f"a {format} file cannot be shown in a terminal; name one with --out.",
            param_hint="--format",
        )
    from resnet_viz.views import dot
    from resnet_viz.views.render import render

    report = profile(net.spec, net.input)
    opening = Opening.parse(level, toggle)
    if unknown := opening.toggled - opening.within(report).toggled:
        raise SpecError(f"--open: this network has no part {min(unknown)} that opens.")
    if format == "json":
        _write(_json(report.to_dict()), out)
        return
    drawing = dot.draw(report, opening, dark=dark, cost=cost, column=column)
    _write(drawing.source if format == "dot" else render(drawing, format), out)


@app.command("sweep")
@takes_network
def _sweep(
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

    _require("--format", format, ("csv", "json"))
    heights = np.array(_parse_sizes("--sizes", sizes))
    across = None
    if widths is not None:
        across = np.array(_parse_sizes("--widths", widths))[None, :]
        heights = heights[:, None]
    result = sweep(net.spec, heights, across, batch, dtype)
    head = {"schema": 1, "spec": net.spec.to_dict(), "batch": batch, "dtype": dtype}
    columns = result.columns()
    _write(csv_text(columns) if format == "csv" else _json(head | {"columns": columns}), out)


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


@app.command("activations")
@takes_network
def _activations(
    net: Network,
    image: Annotated[Path, typer.Option(metavar="FILE", help="A picture.")],
    layer: Annotated[
        list[str], typer.Option(metavar="PATH", help="Like layer1.0; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Made if it is not there.")],
    weights: Annotated[
        str,
        typer.Option(
            metavar="random:SEED|patterns|imagenet[:v2]|FILE",
            help="Or a .safetensors, .pth or .pt file.",
        ),
    ] = "random:0",
    first_conv: Annotated[
        str | None,
        typer.Option(help=f"For other input channels: {', '.join(FIRST_CONVS)}."),
    ] = None,
    fit: Annotated[str, typer.Option(help="crop, letterbox, stretch or native.")] = "crop",
    normalise: Annotated[
        bool, typer.Option("--normalise/--no-normalise", help="With ImageNet's mean and deviation.")
    ] = True,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="BLOCK", help="Remove its residual branch; may be repeated."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, mps.")] = "auto",
) -> None:
    """Feature maps of a picture, as files.

    For each layer PATH.npy (float32, channels x height x width) and PATH.png (all channels
    side by side); activations.json lists them with shapes and statistics, activations.csv has
    the statistics of each channel.
    """
    if first_conv is not None:
        _require("--first-conv", first_conv, FIRST_CONVS)
    from resnet_viz.feature_files import write_feature_maps

    written = write_feature_maps(
        net.spec,
        net.input,
        image=image,
        layers=layer,
        folder=out,
        weights=weights,
        first_conv=cast(FirstConv | None, first_conv),
        fit=fit,
        normalise=normalise,
        without=without or (),
        device=device,
        progress=_progress if sys.stderr.isatty() else None,
    )
    _write("".join(f"{path}\n" for path in written), None)


def _progress(done: int, total: int) -> None:
    """How far a download is, on one line of the terminal."""
    sys.stderr.write(f"\r{si(done, 'B')} of {si(total, 'B')}" + ("\n" if done >= total else ""))
    sys.stderr.flush()


def _require(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SpecError(f"{option} must be one of {', '.join(allowed)}, not {value[:40]!r}.")


def _json(document: Any) -> str:
    return json.dumps(document) + "\n"


def _write(result: str | bytes, out: Path | None) -> None:
    # UTF-8 whatever the terminal says; names of files may hold bytes that are none.
    data = result if isinstance(result, bytes) else result.encode("utf-8", "surrogateescape")
    if out is not None:
        out.write_bytes(data)
        return
    rest = memoryview(data)
    while rest:  # with PYTHONUNBUFFERED a write takes as much as fits into the pipe
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: Its words; left out, those of this process.

    Returns:
        The exit status: 0; 2 for what the user can mend, said in one sentence on standard
        error; 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    try:
        with command.make_context(app.info.name, words) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.TyperException as error:
        return _refuse(error.format_message())
    except ResNetVizError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Else Python tries to write the rest once more as it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _refuse("Standard output was closed before everything was written.")
    except OSError as error:
        what = f" {str(error.filename)!r}" if error.filename else ""
        return _refuse(f"The file{what} cannot be used: {error.strerror or error}.")
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return 0


def _refuse(message: str) -> int:
    """Say in one line what was wrong."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    sys.stderr.write(line if line.endswith((".", "?", "!")) else f"{line}.")
    sys.stderr.write("\n")
    return 2
