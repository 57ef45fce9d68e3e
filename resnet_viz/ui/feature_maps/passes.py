"""One picture through one network: what all panels ask for, each answer kept for a while.

Keys are frozen specs and digests of bytes. What is kept is shared by all sessions and never
written to: arrays are read-only, and every computation works on a copy of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.errors import BudgetError
from resnet_viz.graph import INPUT, trace
from resnet_viz.images import Picture
from resnet_viz.preparation import Fit, prepare
from resnet_viz.profile import profile
from resnet_viz.records import Profile
from resnet_viz.spec import InputSpec, ResNetSpec
from resnet_viz.units import si

if TYPE_CHECKING:
    from resnet_viz.survey import Survey
    from resnet_viz.weights import LoadedWeights

__all__ = [
    "MAX_CAPTURE_BYTES",
    "MAX_WEIGHT_BYTES",
    "Maps",
    "Pass",
    "Weights",
    "conv_weight",
    "effective_field",
    "grad_cam",
    "loaded",
    "maps",
    "occlusion",
    "require",
    "stops",
    "survey",
]

Maps = NDArray[np.float32]

# What one visitor's feature maps and network may take, of memory that all visitors share.
MAX_CAPTURE_BYTES: Final = 10**9
MAX_WEIGHT_BYTES: Final = 10**9

# The maps of neighbouring blocks are taken in one pass, so that stepping from one to the next
# is immediate; this many bytes of them, and only where a whole pass takes a second or so.
_AHEAD_BYTES: Final = 64 * 10**6
_AHEAD_MACS: Final = 3 * 10**10


@dataclass(frozen=True)
class Weights:
    """Where the values come from.

    Attributes:
        source: A named source, or the bytes of a checkpoint.
        key: What caches know it by.
        label: What people call it.
        first_conv: How a first convolution of other channels is adapted; None for the usual.
    """

    source: str | bytes
    key: str
    label: str
    first_conv: str | None = None


@dataclass(frozen=True)
class Pass:
    """One picture through one network.

    Attributes:
        spec: The network.
        size: Its input.
        device: ``auto`` or a device's name.
        weights: Its values.
        picture: What it sees.
        picture_key: What caches know the picture by.
        fit: How the picture is brought to the input.
        normalise: Whether ImageNet's mean and deviation are taken off.
        without: Blocks whose residual branch is removed.
    """

    spec: ResNetSpec
    size: InputSpec
    device: str
    weights: Weights
    picture: Picture
    picture_key: str
    fit: Fit
    normalise: bool = True
    without: tuple[str, ...] = ()

    @property
    def network_key(self) -> tuple[Any, ...]:
        """What tells the network and its values from others."""
        return self.spec, self.device, self.weights.key, self.weights.first_conv

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this pass from others."""
        seen = self.size, self.picture_key, self.fit, self.normalise
        return *self.network_key, *seen, self.without

    @property
    def report(self) -> Profile:
        """Shapes and costs."""
        return profile(self.spec, self.size)


def loaded(of: Pass) -> LoadedWeights:
    """The network with its values, and the receipt.

    Raises:
        ResNetVizError: The weights cannot be had, or do not fit.
    """
    found: LoadedWeights = _loaded(of, of.network_key)
    return found


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(_of: Pass, key: tuple[Any, ...]) -> Any:  # noqa: ARG001 - the key is the cache's
    from resnet_viz.weights import load

    size = profile(_of.spec).totals.weight_bytes
    if size > MAX_WEIGHT_BYTES:
        raise BudgetError(
            f"The weights of this network take {si(size, 'B')}, and this page keeps at most "
            f"{si(MAX_WEIGHT_BYTES, 'B')}; choose a narrower or shallower network."
        )
    first_conv: Any = _of.weights.first_conv
    return load(_of.spec, _of.weights.source, _of.device, first_conv=first_conv)


def require(of: Pass) -> None:
    """Refuse an input that not even the first layer can be computed for.

    Raises:
        ResNetVizError: The device is not there, or its weights take too much.
    """
    from resnet_viz.activations import require_affordable
    from resnet_viz.devices import resolve_device

    first = next(iter(trace(of.spec))).path
    require_affordable(
        of.spec, of.size, first, resolve_device(of.device), budget_bytes=MAX_CAPTURE_BYTES
    )


def _tensor(of: Pass) -> Any:
    return prepare(of.picture, of.size, of.spec.in_channels, of.fit, of.normalise)


def maps(of: Pass, layer: str) -> Maps:
    """The maps of one layer: ``[C, H, W]``, or ``[features]``; read-only.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    if layer == INPUT:
        return _frozen(_tensor(of)[0].numpy())
    for group in _groups(of):
        if layer in group:
            return _captured(of, of.key, group)[layer]
    return _captured(of, of.key, (layer,))[layer]


@st.cache_resource(max_entries=6, show_spinner=False)
def _captured(_of: Pass, key: tuple[Any, ...], layers: tuple[str, ...]) -> Mapping[str, Maps]:  # noqa: ARG001
    from resnet_viz.activations import capture, require_affordable
    from resnet_viz.devices import resolve_device

    device = resolve_device(_of.device)
    # Before the network is loaded, which takes longer than to refuse.
    require_affordable(_of.spec, _of.size, layers, device, budget_bytes=MAX_CAPTURE_BYTES)
    taken = capture(
        loaded(_of).model, _tensor(_of), layers, budget_bytes=MAX_CAPTURE_BYTES, without=_of.without
    )
    return {path: _frozen(value[0].numpy()) for path, value in taken.items()}


def stops(spec: ResNetSpec) -> tuple[str, ...]:
    """Where one sees the map shrink and deepen: the stem, each block, the pooled features."""
    return ("stem", *(block.path for block in trace(spec).blocks), "avgpool")


def _groups(of: Pass) -> Iterator[tuple[str, ...]]:
    """Runs of `stops` that are taken in one pass."""
    report = of.report
    if report.totals.macs > _AHEAD_MACS:
        return
    group: list[str] = []
    size = 0
    for path in stops(of.spec):
        more = report.layer(path).output_bytes
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
    found: Survey = _survey(of, of.key)
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def _survey(_of: Pass, key: tuple[Any, ...]) -> Any:  # noqa: ARG001
    from resnet_viz.activations import require_affordable
    from resnet_viz.devices import resolve_device
    from resnet_viz.survey import survey as taken

    require_affordable(_of.spec, _of.size, "fc", resolve_device(_of.device))
    return taken(loaded(_of).model, _tensor(_of), without=_of.without)


def effective_field(of: Pass, layer: str, channel: int, row: int, column: int) -> Maps:
    """How much each input pixel moves one cell: ``[H, W]``.

    Raises:
        ResNetVizError: It would take too much, or there is no such cell.
    """
    return _effective_field(of, of.key, layer, channel, row, column)


@st.cache_resource(max_entries=8, show_spinner=False)
def _effective_field(
    _of: Pass,
    key: tuple[Any, ...],  # noqa: ARG001
    layer: str,
    channel: int,
    row: int,
    column: int,
) -> Maps:
    from resnet_viz.gradients import effective_field as computed

    model = loaded(_of).model
    return _frozen(computed(model, _tensor(_of), layer, channel, row, column, without=_of.without))


def grad_cam(of: Pass, layer: str, target: int) -> Maps:
    """Where a layer speaks for a class: ``[h, w]``, not negative.

    Raises:
        ResNetVizError: It would take too much, or the layer is no map.
    """
    return _grad_cam(of, of.key, layer, target)


@st.cache_resource(max_entries=16, show_spinner=False)
def _grad_cam(_of: Pass, key: tuple[Any, ...], layer: str, target: int) -> Maps:  # noqa: ARG001
    from resnet_viz.gradients import grad_cam as computed

    return _frozen(computed(loaded(_of).model, _tensor(_of), layer, target, without=_of.without))


def occlusion(of: Pass, target: int, window: int, stride: int) -> Maps:
    """How much a class's logit falls when a window of the input is covered: ``[H, W]``.

    Raises:
        ResNetVizError: It would take too much.
    """
    return _occlusion(of, of.key, target, window, stride)


@st.cache_resource(max_entries=8, show_spinner=False)
def _occlusion(
    _of: Pass,
    key: tuple[Any, ...],  # noqa: ARG001
    target: int,
    window: int,
    stride: int,
) -> Maps:
    from resnet_viz.gradients import occlusion as computed

    found = computed(
        loaded(_of).model, _tensor(_of), target, window=window, stride=stride, without=_of.without
    )
    return _frozen(found)


def conv_weight(of: Pass, path: str) -> Maps:
    """The kernels of a convolution: ``[O, C / groups, kh, kw]``.

    Raises:
        ResNetVizError: The weights cannot be had, or it is no convolution.
    """
    from resnet_viz.convolution import conv_weight as weight

    return weight(loaded(of).model, path)


def _frozen(array: Maps) -> Maps:
    array.flags.writeable = False
    return array
