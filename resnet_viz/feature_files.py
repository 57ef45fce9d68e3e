"""Feature maps of a picture in files: arrays, mosaics, and a list of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resnet_viz.activations import capture, require_affordable
from resnet_viz.devices import resolve_device
from resnet_viz.errors import ImageError, WeightsError
from resnet_viz.graph import trace
from resnet_viz.images import MAX_BYTES, load_image
from resnet_viz.preparation import FITS, prepare
from resnet_viz.sources import DEFAULT_WEIGHTS
from resnet_viz.spec import InputSpec, ResNetSpec
from resnet_viz.views.mosaic import mosaic, png_bytes, statistics
from resnet_viz.weights import load_weights

__all__ = ["LIST_NAME", "write_feature_maps"]

LIST_NAME: Final = "activations.json"


def write_feature_maps(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    *,
    image: Path,
    layers: Sequence[str],
    folder: Path,
    weights: str = DEFAULT_WEIGHTS,
    fit: str = "crop",
    device: str = "auto",
) -> tuple[Path, ...]:
    """Capture layers for a picture and write ``<path>.npy``, ``<path>.png`` and the list.

    Args:
        spec: The network.
        input: The size that the picture is brought to.
        image: A file that `load_image` reads.
        layers: Operations, blocks or stages.
        folder: Where to write; made if it is not there.
        weights: ``random:<seed>`` or a checkpoint file.
        fit: How the picture is brought to the input: ``crop``, ``letterbox`` or ``stretch``.
        device: As for `resolve_device`.

    Returns:
        The files written, the list last.

    Raises:
        ResNetVizError: The picture, the weights, a layer or the device cannot be used, or it
            would take too much.
        OSError: A file cannot be read or written.
    """
    # What is quickly checked goes first, and nothing is written before all is known to be well.
    for layer in layers:
        trace(spec).output_of(layer)
    if fit not in FITS:
        raise ImageError(f"fit must be one of {', '.join(FITS)}, not {fit[:40]!r}.")
    if weights == "imagenet":
        raise WeightsError(
            "ImageNet's weights are not available yet; use random:<seed> or a checkpoint file."
        )
    target = resolve_device(device)
    require_affordable(spec, input, layers, target)
    with image.open("rb") as file:
        picture = load_image(file.read(MAX_BYTES + 1))  # one too many is refused
    tensor = prepare(picture, input, spec.in_channels, fit)
    maps = capture(load_weights(spec, weights, target), tensor, layers)
    arrays = {path: value[0].float().numpy() for path, value in maps.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = [file for path, array in arrays.items() for file in _write_layer(folder, path, array)]
    document = {
        "schema": 1,
        "spec": spec.to_dict(),
        "input": input.for_network(spec).to_dict(),
        "image": image.name,
        "weights": weights,
        "fit": fit,
        "device": str(target),
        "layers": [_entry(path, array) for path, array in arrays.items()],
    }
    (folder / LIST_NAME).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return (*written, folder / LIST_NAME)


def _write_layer(folder: Path, path: str, array: NDArray[np.float32]) -> Iterator[Path]:
    np.save(folder / f"{path}.npy", array)
    yield folder / f"{path}.npy"
    (folder / f"{path}.png").write_bytes(png_bytes(mosaic(array).image))
    yield folder / f"{path}.png"


def _entry(path: str, array: NDArray[np.float32]) -> dict[str, Any]:
    values = statistics(array)
    return {
        "path": path,
        "npy": f"{path}.npy",
        "png": f"{path}.png",
        "shape": list(array.shape),
        "statistics": values.total.to_dict() | {"dead_channels": values.dead_channels},
    }
