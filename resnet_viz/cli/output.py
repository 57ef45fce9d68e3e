"""Define options that several commands share, and write results to files or stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.errors import SpecError
from resnet_viz.weights.sources import FIRST_CONVS, FirstConv

__all__ = [
    "Batch",
    "Dtype",
    "FirstConvName",
    "Out",
    "Partial",
    "WeightsName",
    "first_conv_of",
    "json_text",
    "require",
    "write",
]

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Instead of stdout.")]
Batch = Annotated[int, typer.Option(metavar="N", help="Number of images.")]
Dtype = Annotated[str, typer.Option(help=f"Count bytes in {', '.join(DTYPE_BYTES)}.")]

WeightsName = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="random:SEED|patterns|imagenet[:v2]|FILE",
        help="Or a .safetensors, .pth or .pt file.",
    ),
]
FirstConvName = Annotated[
    str | None,
    typer.Option("--first-conv", help=f"For other input channels: {', '.join(FIRST_CONVS)}."),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="Keep what fits of another network's checkpoint.")
]


def first_conv_of(name: str | None) -> FirstConv | None:
    """The way to adapt a first convolution that ``--first-conv`` names."""
    if name is not None:
        require("--first-conv", name, FIRST_CONVS)
    return cast(FirstConv | None, name)


def require(option: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not among the allowed ones."""
    if value not in allowed:
        raise SpecError(f"{option} must be one of {', '.join(allowed)}, not {value[:40]!r}.")


def json_text(document: Any) -> str:
    """A document as one line."""
    return json.dumps(document) + "\n"


def write(result: str | bytes, out: Path | None) -> None:
    """Write a result to a file, or to standard output."""
    # UTF-8 whatever the terminal says; names of files may hold bytes that are none.
    data = result if isinstance(result, bytes) else result.encode("utf-8", "surrogateescape")
    if out is not None:
        out.write_bytes(data)
        return
    rest = memoryview(data)
    while rest:  # with PYTHONUNBUFFERED a write takes as much as fits into the pipe
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.flush()
