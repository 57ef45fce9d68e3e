"""Define the command ``activations``: feature maps of an image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from resnet_viz.cli.network_options import Network, takes_network
from resnet_viz.cli.output import FirstConvName, Partial, WeightsName, first_conv_of, write
from resnet_viz.units import si

__all__ = ["activations", "progress"]


@takes_network
def activations(
    net: Network,
    image: Annotated[Path, typer.Option(metavar="FILE", help="A picture.")],
    layer: Annotated[
        list[str], typer.Option(metavar="PATH", help="Like layer1.0; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Made if it is not there.")],
    weights: WeightsName = "random:0",
    first_conv: FirstConvName = None,
    partial: Partial = False,
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
    from resnet_viz.cli.feature_map_files import write_feature_maps

    written = write_feature_maps(
        net.spec,
        net.input,
        image=image,
        layers=layer,
        folder=out,
        weights=weights,
        first_conv=first_conv_of(first_conv),
        partial=partial,
        fit=fit,
        normalise=normalise,
        without=without or (),
        device=device,
        progress=progress if sys.stderr.isatty() else None,
    )
    write("".join(f"{path}\n" for path in written), None)


def progress(done: int, total: int) -> None:
    """Write the progress of a download on one line of the terminal."""
    sys.stderr.write(f"\r{si(done, 'B')} of {si(total, 'B')}" + ("\n" if done >= total else ""))
    sys.stderr.flush()
