"""Write the feature maps of an image to files: arrays, mosaics and their lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resnet_viz.features.capturing import capture, require_affordable
from resnet_viz.features.channel_statistics import LayerStatistics, statistics
from resnet_viz.images.decoding import MAX_BYTES, load_image
from resnet_viz.images.preprocessing import native_input, prepare, require_fit
from resnet_viz.network.devices import resolve_device
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.residual_blocks import block_parts
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.views.pixels.mosaics import mosaic, png_bytes
from resnet_viz.views.tables.layer_tables import channel_table, csv_text
from resnet_viz.weights.loading import load
from resnet_viz.weights.published.downloading import Progress
from resnet_viz.weights.sources import DEFAULT_WEIGHTS, FirstConv

__all__ = ["LIST_NAME", "TABLE_NAME", "write_feature_maps"]

LIST_NAME: Final = "activations.json"
TABLE_NAME: Final = "activations.csv"


def write_feature_maps(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    *,
    image: Path,
    layers: Sequence[str],
    folder: Path,
    weights: str = DEFAULT_WEIGHTS,
    first_conv: FirstConv | None = None,
    partial: bool = False,
    fit: str = "crop",
    normalise: bool = True,
    without: Sequence[str] = (),
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Capture layers for a picture and write ``<path>.npy``, ``<path>.png`` and the lists.

    The lists are `LIST_NAME`, with each layer's shape and statistics, and `TABLE_NAME`, with a
    row of statistics for each channel.

    Args:
        spec: The network.
        input: The size that the picture is brought to; a native picture has its own.
        image: A file that `load_image` reads.
        layers: Operations, blocks or stages.
        folder: Where to write; made if it is not there.
        weights: A name that `parse_source` reads, or a checkpoint file.
        first_conv: How a first convolution of other channels is adapted; None for the usual.
        partial: Load the weights of another network that fit; the rest is newly initialised.
        fit: How the picture is brought to the input, one of `FITS`.
        normalise: Whether ImageNet's mean and deviation are taken off.
        without: Blocks whose residual branch is removed.
        device: As for `resolve_device`.
        progress: Told the bytes that are here and those of the whole file, where weights have
            to be downloaded.

    Returns:
        The files written, `LIST_NAME` last.

    Raises:
        ResNetVizError: The picture, the weights, a layer or the device cannot be used, or it
            would take too much.
        OSError: A file cannot be read or written.
    """
    # What is quickly checked goes first, and nothing is written before all is known to be well.
    for layer in layers:
        trace(spec).output_of(layer)
    for block in without:
        block_parts(trace(spec), block)
    fit = require_fit(fit)
    target = resolve_device(device)
    if fit != "native":
        require_affordable(spec, input, layers, target)
    with image.open("rb") as file:
        picture = load_image(file.read(MAX_BYTES + 1))  # one too many is refused
    if fit == "native":
        input = native_input(picture, input)  # noqa: A001
        require_affordable(spec, input, layers, target)
    tensor = prepare(picture, input, spec.in_channels, fit, normalise)
    found = load(spec, weights, target, first_conv=first_conv, partial=partial, progress=progress)
    maps = capture(found.model, tensor, layers, without=without)
    arrays = {path: value[0].float().numpy() for path, value in maps.items()}
    numbers = {path: statistics(array) for path, array in arrays.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = [file for path, array in arrays.items() for file in _write_layer(folder, path, array)]
    document = {
        "schema": 1,
        "spec": spec.to_dict(),
        "input": input.for_network(spec).to_dict(),
        "image": image.name,
        "weights": weights,
        "receipt": found.receipt.summary,
        "fit": fit,
        "normalise": normalise,
        "without": list(without),
        "device": str(target),
        "table": TABLE_NAME,
        "layers": [_entry(path, arrays[path], numbers[path]) for path in arrays],
    }
    (folder / TABLE_NAME).write_text(_table(numbers), encoding="utf-8")
    (folder / LIST_NAME).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return (*written, folder / TABLE_NAME, folder / LIST_NAME)


def _table(numbers: dict[str, LayerStatistics]) -> str:
    """One row for each channel of each layer."""
    parts = {path: channel_table(each) for path, each in numbers.items()}
    names = next(iter(parts.values()))
    columns = {name: [value for part in parts.values() for value in part[name]] for name in names}
    layers = [path for path, part in parts.items() for _ in part["channel"]]
    return csv_text({"layer": layers} | columns)


def _write_layer(folder: Path, path: str, array: NDArray[np.float32]) -> Iterator[Path]:
    np.save(folder / f"{path}.npy", array)
    yield folder / f"{path}.npy"
    (folder / f"{path}.png").write_bytes(png_bytes(mosaic(array).image))
    yield folder / f"{path}.png"


def _entry(path: str, array: NDArray[np.float32], numbers: LayerStatistics) -> dict[str, Any]:
    return {
        "path": path,
        "npy": f"{path}.npy",
        "png": f"{path}.png",
        "shape": list(array.shape),
        "statistics": numbers.total.to_dict() | {"dead_channels": numbers.dead_channels},
    }
