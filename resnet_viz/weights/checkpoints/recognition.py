"""Which ResNet a state dict belongs to, read off its keys and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from torch import Tensor

from resnet_viz.errors import SpecError, WeightsError, short_repr
from resnet_viz.network.display_names import model_name
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import (
    BlockKind,
    ResNetSpec,
    ShortcutKind,
    StemKind,
    preset_name,
)
from resnet_viz.units import shape_text

__all__ = ["Recognised", "network_text", "recognise", "same_architecture"]

Shape = tuple[int, ...]

_BLOCK: Final = re.compile(r"^layer([1-9]\d?)\.(\d{1,4})\.")
_REFERENCE_PLANES: Final = 64  # for which `width_per_group` is stated

_STEMS: Final[Mapping[tuple[str, int], StemKind]] = {
    ("conv1.weight", 7): "imagenet",
    ("conv1.weight", 3): "small",
    ("conv1.0.weight", 3): "deep",
}
_STEM_WORDS: Final = {"small": "a small stem", "deep": "a deep stem"}
_SHORTCUT_WORDS: Final = {
    "avgpool_projection": "pooled shortcuts",
    "zero_pad": "zero-padded shortcuts",
}


@dataclass(frozen=True)
class Recognised:
    """What is read off a state dict.

    Attributes:
        spec: The network. Which convolution of a bottleneck has the stride leaves no trace, nor
            does the initialisation: these have their defaults. So have the classes if there is no
            head.
        num_classes: Outputs of the head; None if there is none.
    """

    spec: ResNetSpec
    num_classes: int | None

    @property
    def text(self) -> str:
        """In words, such as ``a ResNet-34 with 7 classes``."""
        return network_text(self.spec, headless=self.num_classes is None)


def recognise(state: Mapping[str, Tensor]) -> Recognised:
    """The network of a state dict, whose keys have been unwrapped.

    A few tensors may be missing, but not the first convolution or that of a block.

    Raises:
        WeightsError: This is no ResNet: the text says what is missing, too much, or of a shape
            that does not go with the others.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    spec = _read(shapes)
    expected = {key: tuple(v.shape) for key, v in build_model(spec, "meta").state_dict().items()}
    head = shapes.get("fc.weight", ())
    classes = head[0] if head[1:] == expected["fc.weight"][1:] else None
    _require_body(shapes, expected, spec)
    try:
        return Recognised(replace(spec, num_classes=classes or spec.num_classes), classes)
    except SpecError as error:
        raise WeightsError(f"The head of this checkpoint has too many classes: {error}") from error


def _read(shapes: Mapping[str, Shape]) -> ResNetSpec:
    """The spec that a few telling shapes state; the others must agree with it."""
    blocks = _blocks(shapes)
    stem, in_channels = _stem(shapes)
    block: BlockKind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
    base_width = _convolution(shapes, "layer1.0.conv1.weight")[1]
    groups, width_per_group = 1, _REFERENCE_PLANES
    shortcut = _shortcut(shapes, len(blocks))
    try:
        if block == "bottleneck":
            groups, width_per_group = _groups(shapes, base_width, len(blocks))
        return ResNetSpec(
            block=block,
            blocks=blocks,
            stem=stem,
            base_width=base_width,
            groups=groups,
            width_per_group=width_per_group,
            shortcut=shortcut,
            strides=_strides(shapes, len(blocks)) if shortcut == "avgpool_projection" else None,
            in_channels=in_channels,
        )
    except (SpecError, ZeroDivisionError) as error:
        raise WeightsError(
            f"This checkpoint looks like a ResNet, but not one that can be built here: {error}"
        ) from error


def _blocks(shapes: Mapping[str, Shape]) -> tuple[int, ...]:
    """Blocks per stage.

    Raises:
        WeightsError: There are none, or the numbering has a gap.
    """
    found = {(int(match[1]), int(match[2])) for key in shapes if (match := _BLOCK.match(key))}
    stages = max((stage for stage, _ in found), default=0)
    if not stages:
        raise WeightsError(
            "This checkpoint is no ResNet's: it has no layer1.0.conv1.weight under any prefix, "
            f"but {_some(shapes)}; choose the state dict of a ResNet."
        )
    counts = tuple(
        1 + max((block for s, block in found if s == stage), default=-1)
        for stage in range(1, stages + 1)
    )
    for stage, count in enumerate(counts, start=1):
        for block in range(max(1, count)):
            _convolution(shapes, f"layer{stage}.{block}.conv1.weight")
    return counts


def _convolution(shapes: Mapping[str, Shape], key: str) -> Shape:
    """The shape of a convolution that must be there: out, in / groups, height, width.

    Raises:
        WeightsError: It is not.
    """
    shape = shapes.get(key, ())
    if len(shape) != 4 or 0 in shape:
        what = f"is {shape_text(shape) or 'a number'}" if key in shapes else "is missing"
        raise WeightsError(
            f"This checkpoint is not a whole ResNet's: the convolution {key} {what}; choose the "
            "state dict of a ResNet."
        )
    return shape


def _stem(shapes: Mapping[str, Shape]) -> tuple[StemKind, int]:
    """The kind of stem, and the input's channels.

    Raises:
        WeightsError: There is no first convolution, or it is of another size.
    """
    key = "conv1.0.weight" if "conv1.0.weight" in shapes else "conv1.weight"
    shape = _convolution(shapes, key)
    stem = _STEMS.get((key, shape[2]))
    if stem is None or shape[2] != shape[3]:
        raise WeightsError(
            f"The first convolution of this checkpoint, {key}, is {shape[2]} × {shape[3]}; the "
            "networks here begin with one of 7 × 7, one of 3 × 3, or three of 3 × 3."
        )
    return stem, shape[1]


def _groups(shapes: Mapping[str, Shape], base_width: int, stages: int) -> tuple[int, int]:
    """Groups and the width per group, stated for 64 planes, of a bottleneck's 3x3."""
    width, per_group = _convolution(shapes, "layer1.0.conv2.weight")[:2]
    # The last stage is the widest and so least hit by rounding down: see `ResNetSpec`.
    last = _convolution(shapes, f"layer{stages}.0.conv2.weight")[1]
    return width // per_group, -(-last * _REFERENCE_PLANES // (base_width << (stages - 1)))


def _shortcut(shapes: Mapping[str, Shape], stages: int) -> ShortcutKind:
    """What stands where the shape changes; that of stages with a stride tells more."""
    places = [f"layer{stage}.0.downsample" for stage in range(1, stages + 1)]
    if any(len(shapes.get(f"{place}.1.weight", ())) == 4 for place in places[1:]):
        return "avgpool_projection"
    if any(key.startswith(f"{place}.") for place in places for key in shapes):
        return "projection"
    return "zero_pad"


def _strides(shapes: Mapping[str, Shape], stages: int) -> tuple[int, ...]:
    """The strides of stages whose shortcuts pool: the pooling stands first where there is one."""
    places = [f"layer{stage}.0.downsample.1.weight" for stage in range(2, stages + 1)]
    return (1, *(2 if len(shapes.get(place, ())) == 4 else 1 for place in places))


def _require_body(
    shapes: Mapping[str, Shape], expected: Mapping[str, Shape], spec: ResNetSpec
) -> None:
    """Refuse what has other tensors than the network, the head's aside.

    Raises:
        WeightsError: There is a tensor that the network has not, or of another shape.
    """
    body = [key for key in shapes if not key.startswith("fc.")]
    if more := [key for key in body if key not in expected]:
        raise WeightsError(
            f"This checkpoint is not a plain ResNet's: {_some(more)} would have no place in "
            f"{network_text(spec)}; choose one without such additions."
        )
    for key in body:
        if shapes[key] != expected[key] and not key.endswith(".num_batches_tracked"):
            raise WeightsError(
                f"This checkpoint is not a plain ResNet's: {key} is "
                f"{shape_text(shapes[key]) or 'a number'}, and in {network_text(spec)} it would "
                f"be {shape_text(expected[key])}; choose a plain ResNet's."
            )


def _some(keys: Iterable[str], most: int = 3) -> str:
    listed = [short_repr(key) for key in keys]
    rest = len(listed) - most
    return (", ".join(listed[:most]) + (f" and {rest} more" if rest > 0 else "")) or "no tensors"


def same_architecture(one: ResNetSpec, other: ResNetSpec, *, any_stem: bool = False) -> bool:
    """Whether two networks have the same tensors, but for the first and the last layer.

    Channels, classes, strides, dilations and the initialisation may differ.

    Args:
        one: A network.
        other: Another.
        any_stem: Whether their stems may differ, too.
    """
    pair = [_architecture(spec) for spec in (one, other)]
    if any_stem:
        pair = [replace(spec, stem="imagenet") for spec in pair]
    return pair[0] == pair[1]


def _architecture(spec: ResNetSpec) -> ResNetSpec:
    # A pooled shortcut stands only where there is a stride, which its keys tell.
    strides = spec.stage_strides if spec.shortcut == "avgpool_projection" else None
    return replace(
        spec,
        in_channels=3,
        num_classes=1000,
        stride_in="3x3",
        zero_init_residual=False,
        strides=strides,
        dilations=None,
    )


def network_text(spec: ResNetSpec, *, headless: bool = False) -> str:
    """A network in words, such as ``a ResNet-34 with 7 classes``.

    Args:
        spec: The network.
        headless: Say that it has no head, instead of its classes.
    """
    name = preset_name(replace(spec, stride_in="3x3", strides=None, dilations=None))
    if name is not None:
        text = f"a {model_name(name)}"
    else:
        text = f"a network of {spec.block} blocks {','.join(map(str, spec.blocks))}"
        if particulars := _particulars(spec):
            text += f" ({', '.join(particulars)})"
    head = "no head" if headless else _count(spec.num_classes, "class", "classes")
    if spec.in_channels == 3:
        return f"{text} with {head}"
    channels = _count(spec.in_channels, "input channel", "input channels")
    return f"{text} with {channels} and {head}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _particulars(spec: ResNetSpec) -> list[str]:
    """What tells a network from the usual one of its blocks."""
    found = []
    if spec.stem in _STEM_WORDS:
        found.append(_STEM_WORDS[spec.stem])
    if spec.base_width != 64:
        found.append(f"{spec.base_width} planes at first")
    if spec.block == "bottleneck" and (spec.groups, spec.width_per_group) != (1, 64):
        found.append(f"{spec.groups}x{spec.width_per_group}d")
    if spec.shortcut in _SHORTCUT_WORDS:
        found.append(_SHORTCUT_WORDS[spec.shortcut])
    return found
