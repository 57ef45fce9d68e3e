"""The commands ``compare``, ``coach``, ``code`` and ``weights``: another size, and what to do."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from resnet_viz.cli.feature_commands import progress
from resnet_viz.cli.network_options import Network, takes_network, takes_two_networks
from resnet_viz.cli.output import (
    Batch,
    Dtype,
    FirstConvName,
    Out,
    Partial,
    WeightsName,
    first_conv_of,
    json_text,
    require,
    write,
)
from resnet_viz.costs.memory_use import OPTIMIZER_STATES
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import SpecError
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["coach", "code", "compare", "weights"]

_GIB = 2**30


@takes_two_networks
def compare(
    net: Network,
    other: Network,
    format: Annotated[str, typer.Option(help="table, json or csv.")] = "table",  # noqa: A002
    show_all: Annotated[
        bool, typer.Option("--all/--different", help="Every layer, or those that differ.")
    ] = False,
    batch: Batch = 1,
    dtype: Dtype = "float32",
    out: Out = None,
) -> None:
    """What another network or input changes, layer by layer.

    The first network is the reference; the options that begin with --with- make the second from
    it, or anew if they name a model or a depth.
    """
    from resnet_viz.sizing.comparison.comparing import compare as compared
    from resnet_viz.views.tables import comparison_tables

    require("--format", format, ("table", "json", "csv"))
    first, second = (
        profile(each.spec, replace(each.input, batch=batch), dtype) for each in (net, other)
    )
    found = compared(first, second)
    if format == "json":
        write(json_text(comparison_tables.to_dict(found, only_different=not show_all)), out)
    elif format == "csv":
        write(csv_text(comparison_tables.csv_columns(found, only_different=not show_all)), out)
    else:
        write(comparison_tables.text(found, only_different=not show_all), out)


@takes_network
def coach(
    net: Network,
    batch: Batch = 1,
    training: Annotated[
        bool, typer.Option("--training/--inference", help="What the network is for.")
    ] = False,
    memory: Annotated[
        float | None, typer.Option(metavar="GIB", help="What the device has free.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help=f"{', '.join(OPTIMIZER_STATES)}.")] = "momentum",
    weights_channels: Annotated[
        int | None, typer.Option(metavar="N", help="Input channels of the weights to be loaded.")
    ] = None,
    dtype: Dtype = "float32",
    out: Out = None,
) -> None:
    """What does not suit the network and its input, and what to do about it."""
    from resnet_viz.sizing.advice.advice_records import Conditions
    from resnet_viz.sizing.advice.diagnosing import diagnose
    from resnet_viz.views.words.advice_text import text

    if memory is not None and not 0 <= memory <= 2**20:
        raise SpecError(f"--memory is in GiB, from 0 to {2**20}, not {memory:g}.")
    conditions = Conditions(
        weights_channels=weights_channels,
        memory_bytes=None if memory is None else int(memory * _GIB),
        training=training,
        dtype=dtype,
        optimizer=optimizer,
    )
    found = diagnose(net.spec, replace(net.input, batch=batch), conditions=conditions)
    write(text(found), out)


@takes_network
def code(net: Network, out: Out = None) -> None:
    """One runnable file of plain PyTorch that builds the network."""
    from resnet_viz.codegen.python_file import generate

    write(generate(net.spec, net.input), out)


@takes_network
def weights(
    net: Network,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .safetensors file to write.")],
    source: WeightsName = "random:0",
    first_conv: FirstConvName = None,
    partial: Partial = False,
) -> None:
    """Weights adapted to the network, with the receipt of what became of each tensor."""
    if out.suffix != ".safetensors":
        raise SpecError(f"--out must name a .safetensors file, not {out.name[:40]!r}.")
    from resnet_viz.weights.loading import load
    from resnet_viz.weights.safetensors_export import safetensors_bytes

    loaded = load(
        net.spec,
        source,
        first_conv=first_conv_of(first_conv),
        partial=partial,
        progress=progress if sys.stderr.isatty() else None,
    )
    write(safetensors_bytes(loaded), out)
    sys.stderr.write(f"{loaded.receipt.summary}\n")
