"""A network with its values: of a seed, published, shipped, or a checkpoint of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch

from resnet_viz.network.devices import compute, require_memory, resolve_device
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.weights.checkpoints.adaptation import adapt
from resnet_viz.weights.checkpoints.reading import MAX_FILE_BYTES, read_checkpoint
from resnet_viz.weights.checkpoints.receipt import COUNTER, Entry, Receipt
from resnet_viz.weights.checkpoints.state_dicts import Checkpoint
from resnet_viz.weights.published.downloading import Progress
from resnet_viz.weights.sources import DEFAULT_WEIGHTS, FirstConv, Kind, Source, parse_source

__all__ = ["MAX_FILE_BYTES", "LoadedWeights", "load", "load_weights"]


@dataclass(frozen=True)
class LoadedWeights:
    """A network with its values, and where they come from.

    Attributes:
        model: In evaluation mode.
        receipt: What became of each tensor.
        class_names: Of the network's outputs, in order; None where nobody knows them, such as
            after the head was initialised anew.
    """

    model: ResNet
    receipt: Receipt
    class_names: tuple[str, ...] | None

    @property
    def head_kept(self) -> bool:
        """Whether the classifier and all blocks are the source's: outputs mean what it learned."""
        entries = self.receipt.entries
        return any(e.key == "fc.weight" and e.fate == "kept" for e in entries) and not any(
            e.fate == "fresh" and e.key.startswith("layer") and not e.key.endswith(COUNTER)
            for e in entries
        )


def load(
    spec: ResNetSpec,
    source: str | Path | bytes | Checkpoint = DEFAULT_WEIGHTS,
    device: str | torch.device = "cpu",
    *,
    first_conv: FirstConv | None = None,
    seed: int = 0,
    partial: bool = False,
    progress: Progress | None = None,
) -> LoadedWeights:
    """A network with the values of a source, adapted to its channels and classes.

    Args:
        spec: The network.
        source: A name that `parse_source` reads; the path of a ``.safetensors``, ``.pth`` or
            ``.pt`` file; the bytes of such a file; or what `read_checkpoint` has read, whose
            tensors the network then shares. The names go before files of that name.
        device: As for `build_model`.
        first_conv: How to adapt a first convolution of other channels: one of
            `first_conv_choices`, None for the first.
        seed: Of what the source lacks.
        partial: Keep what fits of another network's values, and draw the rest anew.
        progress: Called with the bytes downloaded and the bytes in all.

    Raises:
        MismatchError: The values are another architecture's, and it was not asked for what fits,
            or nothing of the blocks does; the error says of which.
        WeightsError: The source is not there, unsafe, or no ResNet.
        DeviceError: The device is not there, or ran out of memory.
        BudgetError: The weights need more memory than is free.
    """
    target = resolve_device(device)
    if isinstance(source, str):
        if source.strip().partition(":")[0] not in get_args(Kind):
            source = Path(source)
        elif (named := parse_source(source)).kind == "random":
            return _random(spec, target, named)
        else:
            return _named(spec, target, named, first_conv, seed, progress, partial=partial)
    origin = source.name if isinstance(source, Path) else "a checkpoint"
    return _from_file(spec, target, source, origin, first_conv, seed, partial=partial)


def load_weights(
    spec: ResNetSpec,
    source: str | Path | bytes = DEFAULT_WEIGHTS,
    device: str | torch.device = "cpu",
) -> ResNet:
    """The network of `load` alone."""
    return load(spec, source, device).model


def _random(spec: ResNetSpec, target: torch.device, source: Source) -> LoadedWeights:
    model = build_model(spec, target, source.seed)
    entries = tuple(
        Entry(key, "fresh", f"drawn from seed {source.seed}", tuple(value.shape))
        for key, value in model.state_dict().items()
    )
    return LoadedWeights(model, Receipt(source.text, entries), None)


def _named(
    spec: ResNetSpec,
    target: torch.device,
    source: Source,
    first_conv: FirstConv | None,
    seed: int,
    progress: Progress | None,
    *,
    partial: bool,
) -> LoadedWeights:
    """ImageNet's weights, or those of the patterns."""
    # Here, because others may do without them: a download needs the network's rooms.
    from resnet_viz.images import drawn_patterns
    from resnet_viz.weights import shipped_weights
    from resnet_viz.weights.published import fetching, imagenet

    if source.kind == "patterns":
        path, names = shipped_weights.pattern_weights_path(), drawn_patterns.CLASSES
    else:
        path = fetching.fetch(imagenet.weights_file(spec, source.version), progress)
        names = imagenet.class_names()
    loaded = _from_file(
        spec, target, path, source.text, first_conv, seed, any_stem=True, partial=partial
    )
    return replace(loaded, class_names=names if loaded.head_kept else None)


def _from_file(
    spec: ResNetSpec,
    target: torch.device,
    file: Path | bytes | Checkpoint,
    origin: str,
    first_conv: FirstConv | None,
    seed: int,
    *,
    any_stem: bool = False,
    partial: bool,
) -> LoadedWeights:
    checkpoint = file if isinstance(file, Checkpoint) else read_checkpoint(file)
    state, receipt = adapt(
        checkpoint.state,
        spec,
        first_conv,
        seed,
        origin=origin,
        notes=checkpoint.notes,
        any_stem=any_stem,
        partial=partial,
    )
    model = build_model(spec, "meta")
    size = sum(value.numel() * value.element_size() for value in state.values())
    # Not copied: tensors that fit become the network's.
    model.load_state_dict(state, assign=True)
    if target.type == "cpu":
        return LoadedWeights(model, receipt, None)
    with compute(target):
        require_memory(size, target, "The weights of this network")
        return LoadedWeights(model.to(target), receipt, None)
