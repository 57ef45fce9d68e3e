"""What a pass through a network answers, each answer kept for a while.

Keys are frozen specs and digests of bytes. What is kept is shared by all sessions and never
written to: arrays are read-only, and every computation works on a copy of the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, WeightsError
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.ui.caching.lru_cache import Kept
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.units import si

if TYPE_CHECKING:
    from resnet_viz.features.overview import Survey
    from resnet_viz.weights.loading import LoadedWeights

__all__ = [
    "MAX_PASS_BYTES",
    "MAX_WEIGHT_BYTES",
    "Maps",
    "all_maps",
    "conv_weight",
    "effective_field",
    "grad_cam",
    "loaded",
    "maps",
    "occlusion",
    "require",
    "survey",
]

Maps = NDArray[np.float32]

# What one visitor's pass and network may take, of memory that all visitors share.
MAX_PASS_BYTES: Final = 10**9
MAX_WEIGHT_BYTES: Final = 10**9

# The maps of neighbouring blocks are taken in one pass, so that stepping from one to the next
# is immediate; this many bytes of them, and only where a whole pass takes a second or so.
_AHEAD_BYTES: Final = 64 * 10**6
_AHEAD_MACS: Final = 3 * 10**10


def _weight_bytes(found: LoadedWeights) -> int:
    return sum(p.numel() * p.element_size() for p in found.model.parameters())


def _map_bytes(taken: Mapping[str, Maps]) -> int:
    return sum(array.nbytes for array in taken.values())


def _checkpoint_bytes(checkpoint: Any) -> int:
    return sum(value.numel() * value.element_size() for value in checkpoint.state.values())


def _thumb_bytes(whole: Survey) -> int:
    return sum(stop.thumb.nbytes for stop in whole.stops)


_NETWORKS: Final[Kept[Any]] = Kept(4 * 10**8, _weight_bytes)
_CHECKPOINTS: Final[Kept[Any]] = Kept(2 * 10**8, _checkpoint_bytes)
_MAPS: Final[Kept[Mapping[str, Maps]]] = Kept(10**8, _map_bytes)
_SURVEYS: Final[Kept[Any]] = Kept(2 * 10**7, _thumb_bytes)
_HEATS: Final[Kept[Maps]] = Kept(5 * 10**7, lambda array: array.nbytes)


def loaded(of: Pass) -> LoadedWeights:
    """The network with its values, and the receipt.

    Raises:
        ResNetVizError: The weights cannot be had, or do not fit.
    """
    found: LoadedWeights = _NETWORKS.get(of.network_key, lambda: _load(of), (WeightsError,))
    return found


def _load(of: Pass) -> LoadedWeights:
    from resnet_viz.weights.checkpoints.reading import read_checkpoint
    from resnet_viz.weights.loading import load

    size = profile(of.spec).totals.weight_bytes
    if size > MAX_WEIGHT_BYTES:
        raise BudgetError(
            f"The weights of this network take {si(size, 'B')}, and this page keeps at most "
            f"{si(MAX_WEIGHT_BYTES, 'B')}; choose a narrower or shallower network."
        )
    source: Any = of.weights.source
    if isinstance(source, bytes):
        data = source
        source = _CHECKPOINTS.get(of.weights.key, lambda: read_checkpoint(data), (WeightsError,))
    how, partial = of.weights.first_conv, of.weights.partial
    return load(of.spec, source, of.device, first_conv=how, partial=partial)


def require(of: Pass) -> None:
    """Refuse an input that not even the first layer can be computed for.

    Raises:
        ResNetVizError: The device is not there, or the first layer takes too much.
    """
    _require(of, (next(iter(trace(of.spec))).path,))


def _require(of: Pass, layers: Iterable[str]) -> None:
    """Refuse before the network is loaded, which takes longer than to refuse."""
    from resnet_viz.features.capturing import require_affordable
    from resnet_viz.network.devices import resolve_device

    device = resolve_device(of.device)
    require_affordable(of.spec, of.size, layers, device, budget_bytes=MAX_PASS_BYTES)


def maps(of: Pass, layer: str) -> Maps:
    """The maps of one layer: ``[C, H, W]``, or ``[features]``; read-only.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    return all_maps(of, [layer])[0]


def all_maps(of: Pass, layers: Iterable[str]) -> list[Maps]:
    """The maps of several layers, those that are not there taken in one pass.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    graph = trace(of.spec)
    paths = [layer if layer == INPUT else graph.output_of(layer).path for layer in layers]
    found: dict[str, Maps] = {}
    for group in _groups(of):
        if set(group) & set(paths):
            try:
                found |= _captured(of, group)
            except BudgetError:  # the others of the group are not what was asked for
                continue
    if INPUT in paths:
        found[INPUT] = _frozen(of.tensor[0].numpy())
    if rest := tuple(dict.fromkeys(path for path in paths if path not in found)):
        found |= _captured(of, rest)
    return [found[path] for path in paths]


def _captured(of: Pass, paths: tuple[str, ...]) -> Mapping[str, Maps]:
    return _MAPS.get((of.key, paths), lambda: _capture(of, paths))


def _capture(of: Pass, paths: tuple[str, ...]) -> Mapping[str, Maps]:
    from resnet_viz.features.capturing import capture

    _require(of, paths)
    model = loaded(of).model
    taken = capture(model, of.tensor, paths, budget_bytes=MAX_PASS_BYTES, without=of.without)
    return {path: _frozen(value[0].numpy()) for path, value in taken.items()}


def _groups(of: Pass) -> Iterator[tuple[str, ...]]:
    """Runs of the graph's stops that are taken in one pass."""
    report = of.report
    if report.totals.macs > _AHEAD_MACS:
        return
    group: list[str] = []
    size = 0
    for path in trace(of.spec).stops.values():
        more = report.by_path[path].output_bytes
        if group and size + more > _AHEAD_BYTES:
            yield tuple(group)
            group, size = [], 0
        group.append(path)
        size += more
    yield tuple(group)


def survey(of: Pass) -> Survey:
    """A thumbnail of every stop, the residual branches' norms, the logits.

    Raises:
        ResNetVizError: A whole pass cannot be had; the text says why.
    """

    def make() -> Survey:
        from resnet_viz.features.overview import survey as taken

        _require(of, (trace(of.spec).operations[-1].path,))
        model = loaded(of).model
        return taken(model, of.tensor, without=of.without, budget_bytes=MAX_PASS_BYTES)

    found: Survey = _SURVEYS.get(of.key, make)
    return found


def effective_field(of: Pass, layer: str, channel: int, row: int, column: int) -> Maps:
    """How much each input pixel moves one cell: ``[H, W]``.

    Raises:
        ResNetVizError: It would take too much, or there is no such cell.
    """

    def make() -> Maps:
        from resnet_viz.features.gradients import effective_field as computed

        model, tensor = loaded(of).model, of.tensor
        return _frozen(computed(model, tensor, layer, channel, row, column, **_limits(of)))

    return _HEATS.get((of.key, "field", layer, channel, row, column), make)


def grad_cam(of: Pass, layer: str, target: int) -> Maps:
    """Where a layer speaks for a class: ``[h, w]``, not negative.

    Raises:
        ResNetVizError: It would take too much, or the layer is no map.
    """

    def make() -> Maps:
        from resnet_viz.features.gradients import grad_cam as computed

        return _frozen(computed(loaded(of).model, of.tensor, layer, target, **_limits(of)))

    return _HEATS.get((of.key, "cam", layer, target), make)


def occlusion(of: Pass, target: int, window: int, stride: int) -> Maps:
    """How much a class's logit falls when a window of the input is covered: ``[H, W]``.

    Raises:
        ResNetVizError: It would take too much.
    """

    def make() -> Maps:
        from resnet_viz.features.occluding import occlusion as computed

        model, tensor = loaded(of).model, of.tensor
        found = computed(model, tensor, target, window=window, stride=stride, **_limits(of))
        return _frozen(found)

    return _HEATS.get((of.key, "occlusion", target, window, stride), make)


def _limits(of: Pass) -> dict[str, Any]:
    return {"without": of.without, "budget_bytes": MAX_PASS_BYTES}


def conv_weight(of: Pass, path: str) -> Maps:
    """The kernels of a convolution: ``[O, C / groups, kh, kw]``.

    Raises:
        ResNetVizError: The weights cannot be had, or it is no convolution.
    """
    from resnet_viz.features.convolution_steps import conv_weight as weight

    return weight(loaded(of).model, path)


def _frozen(array: Maps) -> Maps:
    array.flags.writeable = False
    return array
