"""Define `ResNetSpec`: one ResNet architecture, as an immutable value without torch.

A spec is frozen, hashable and validated when it is created, so that a page, a link or a command
line can be checked before anything is computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final, Literal, Self, cast, get_args

from resnet_viz.errors import SpecError, short_repr
from resnet_viz.network.spec.depths import blocks_for_depth
from resnet_viz.network.spec.limits import (
    MAX_BLOCKS_PER_STAGE,
    MAX_CHANNELS,
    MAX_CLASSES,
    MAX_STAGES,
)
from resnet_viz.network.spec.stage_strides import (
    MAX_DILATION,
    MAX_STRIDE,
    per_stage,
    usual_strides,
)
from resnet_viz.network.validation import as_tuple, choice, integer, put

__all__ = [
    "CONVS_PER_BLOCK",
    "EXPANSION",
    "BlockKind",
    "ResNetSpec",
    "ShortcutKind",
    "StemKind",
    "StrideIn",
]

BlockKind = Literal["basic", "bottleneck"]
StemKind = Literal["imagenet", "small", "deep"]
StrideIn = Literal["3x3", "1x1"]
ShortcutKind = Literal["projection", "avgpool_projection", "zero_pad"]

# Output channels of a block over its `planes` (He et al. 2015, Table 1), and how many
# convolutions a block adds to the depth.
EXPANSION: Final[Mapping[BlockKind, int]] = MappingProxyType({"basic": 1, "bottleneck": 4})
CONVS_PER_BLOCK: Final[Mapping[BlockKind, int]] = MappingProxyType({"basic": 2, "bottleneck": 3})

# `width_per_group` is stated for 64 planes (Xie et al. 2017, "32x4d"; torchvision's base_width).
_REFERENCE_PLANES: Final = 64


def _blocks(value: object) -> tuple[int, ...]:
    listed = as_tuple(value)
    if listed is None:
        raise SpecError(
            "blocks must list the blocks of each stage, like (3, 4, 6, 3), "
            f"not {short_repr(value)}."
        )
    if not 1 <= len(listed) <= MAX_STAGES:
        raise SpecError(f"blocks must list 1 to {MAX_STAGES} stages, not {len(listed)}.")
    return tuple(
        integer(f"blocks of stage {index}", count, 1, MAX_BLOCKS_PER_STAGE)
        for index, count in enumerate(listed, start=1)
    )


@dataclass(frozen=True)
class ResNetSpec:
    """One ResNet architecture.

    Two specs are equal exactly when they describe the same network: a field that has no
    effect on the network (the stride placement of basic blocks, say) is set to its default.

    Attributes:
        block: ``"basic"`` (two 3x3, ResNet-18/34) or ``"bottleneck"`` (1x1, 3x3, 1x1).
        blocks: Blocks per stage, 1 to 8 stages of 1 to 500 blocks.
        stem: ``"imagenet"`` (7x7/2, then 3x3/2 max-pool), ``"small"`` (3x3/1, no pooling; the
            CIFAR nets of He et al. 2015, section 4.2) or ``"deep"`` (three 3x3, the first with
            stride 2, then max-pool; ResNet-C of He et al. 2018, arXiv 1812.01187).
        base_width: Planes of the first stage; each later stage has twice as many.
        groups: Groups of the 3x3 of a bottleneck (ResNeXt's cardinality).
        width_per_group: Channels per group of that 3x3 when the stage has 64 planes.
        stride_in: Which convolution of a bottleneck carries the stride: ``"3x3"`` (torchvision,
            "v1.5") or ``"1x1"`` (the paper).
        shortcut: What a block adds where its input does not fit: ``"projection"`` (1x1
            convolution, option B), ``"avgpool_projection"`` (2x2 average pooling, then 1x1;
            ResNet-D) or ``"zero_pad"`` (subsampling and zero channels, option A).
        in_channels: Channels of the input, 1 to 1024.
        num_classes: Outputs of the classifier, 1 to 100,000.
        zero_init_residual: Start each residual branch at zero (Goyal et al. 2017).
        strides: Step of each stage's first block: 1 for the first, 1 or 2 for the others. None
            for the usual: 2 for each later stage whose dilation is not larger than the one before.
        dilations: Dilation of each stage's 3x3 convolutions, 1 to 128; the first of a stage has
            that of the stage before. None for 1 everywhere. ``(1, 1, 2, 4)`` alone is torchvision's
            ``replace_stride_with_dilation=[False, True, True]`` (Yu and Koltun 2016,
            arXiv 1511.07122).

    Raises:
        SpecError: A field is out of its limits, in one sentence.
    """

    block: BlockKind = "bottleneck"
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    stem: StemKind = "imagenet"
    base_width: int = 64
    groups: int = 1
    width_per_group: int = 64
    stride_in: StrideIn = "3x3"
    shortcut: ShortcutKind = "projection"
    in_channels: int = 3
    num_classes: int = 1000
    zero_init_residual: bool = False
    strides: tuple[int, ...] | None = None
    dilations: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        put(self, "block", choice("block", self.block, get_args(BlockKind)))
        put(self, "blocks", _blocks(self.blocks))
        put(self, "stem", choice("stem", self.stem, get_args(StemKind)))
        put(self, "stride_in", choice("stride_in", self.stride_in, get_args(StrideIn)))
        put(self, "shortcut", choice("shortcut", self.shortcut, get_args(ShortcutKind)))
        put(self, "base_width", integer("base_width", self.base_width, 1, MAX_CHANNELS))
        put(self, "groups", integer("groups", self.groups, 1, MAX_CHANNELS))
        put(
            self,
            "width_per_group",
            integer("width_per_group", self.width_per_group, 1, MAX_CHANNELS),
        )
        put(self, "in_channels", integer("in_channels", self.in_channels, 1, MAX_CHANNELS))
        put(self, "num_classes", integer("num_classes", self.num_classes, 1, MAX_CLASSES))
        if not isinstance(self.zero_init_residual, bool):
            raise SpecError(
                "zero_init_residual must be True or False, "
                f"not {short_repr(self.zero_init_residual)}."
            )
        self._check_width()
        self._settle_stages()
        self._drop_what_has_no_effect()

    def _check_width(self) -> None:
        if self.block == "basic" and (self.groups, self.width_per_group) != (1, 64):
            raise SpecError(
                "groups and width_per_group belong to bottleneck blocks: basic blocks need "
                f"groups=1 and width_per_group=64, not {self.groups} and {self.width_per_group}."
            )
        if self.inner_width(0) < 1:
            least = -(-_REFERENCE_PLANES // self.base_width)
            raise SpecError(
                f"width_per_group={self.width_per_group} leaves no channel at "
                f"base_width={self.base_width}; use at least {least}."
            )

    def _settle_stages(self) -> None:
        """Set strides and dilations to None where they are the usual ones."""
        stages, dilations = len(self.blocks), self.dilations
        if dilations is None:
            dilations = (1,) * stages
        dilations = per_stage("dilations", dilations, stages, MAX_DILATION)
        strides = usual_strides(dilations) if self.strides is None else self.strides
        strides = per_stage("strides", strides, stages, MAX_STRIDE)
        if strides[0] != 1:
            raise SpecError(
                "strides must begin with 1, since the first stage keeps the resolution that the "
                f"stem leaves; not with {strides[0]}."
            )
        if self.block == "bottleneck" and self.blocks[-1] == 1:
            # Its only 3x3 has the dilation of the stage before.
            dilations = (*dilations[:-1], (1, *dilations)[-2])
        put(self, "dilations", None if set(dilations) == {1} else dilations)
        put(self, "strides", None if strides == usual_strides(dilations) else strides)

    def _drop_what_has_no_effect(self) -> None:
        single_stage = len(self.blocks) == 1
        keeps_size = set(self.stage_strides) == {1}  # after the stem
        if self.block == "basic" or keeps_size:
            put(self, "stride_in", "3x3")
        if keeps_size and (
            self.shortcut == "avgpool_projection" or (single_stage and self.block == "basic")
        ):
            put(self, "shortcut", "projection")
        # Rounding down can make several widths one network; the smallest stands for all. The
        # last stage decides, since the others are its halvings rounded down.
        planes = self.planes(len(self.blocks) - 1)
        width = planes * self.width_per_group // _REFERENCE_PLANES
        put(self, "width_per_group", -(-width * _REFERENCE_PLANES // planes))

    @property
    def stage_dilations(self) -> tuple[int, ...]:
        """The dilation of every stage."""
        return self.dilations or (1,) * len(self.blocks)

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """The stride of every stage's first block."""
        return self.strides or usual_strides(self.stage_dilations)

    @property
    def expansion(self) -> int:
        """Output channels of a block over its planes: 1 or 4."""
        return EXPANSION[self.block]

    @property
    def depth(self) -> int:
        """Layers with weights as the name counts them: 2 or 3 a block, the stem and the fc."""
        return CONVS_PER_BLOCK[self.block] * sum(self.blocks) + 2

    def planes(self, stage: int) -> int:
        """Planes of a stage, counted from 0."""
        return self.base_width << stage

    def inner_width(self, stage: int) -> int:
        """Channels of the 3x3 inside a bottleneck of a stage, counted from 0."""
        return self.planes(stage) * self.width_per_group // _REFERENCE_PLANES * self.groups

    @classmethod
    def from_depth(cls, depth: int, block: BlockKind | None = None, **choices: Any) -> Self:
        """Return the ResNet of a given depth, with its blocks spread over four stages if possible.

        A published depth gives the published network; other depths are interpolated. From 50
        layers on, the blocks are bottlenecks, below that basic blocks, or the other kind where
        only that one fits. See `resnet_viz.network.spec.depths` for the whole rule.

        Args:
            depth: Layers with weights, as `depth` counts them.
            block: Ask for one kind of block.
            **choices: Any other field of the spec.

        Raises:
            SpecError: No network has this depth; the message names the nearest depths.
        """
        kinds = (
            get_args(BlockKind) if block is None else (choice("block", block, get_args(BlockKind)),)
        )
        kind, blocks = blocks_for_depth(
            depth, {k: CONVS_PER_BLOCK[k] for k in kinds}, MAX_BLOCKS_PER_STAGE, MAX_STAGES
        )
        return cls(block=cast(BlockKind, kind), blocks=blocks, **choices)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with lists for tuples and without fields that are None."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a spec from the result of `to_dict`; missing fields get their defaults.

        Raises:
            SpecError: `values` is not a mapping of field names to valid values.
        """
        if not isinstance(values, Mapping):
            raise SpecError(
                f"A network must be a mapping of field names to values, not {short_repr(values)}."
            )
        known = {field.name for field in fields(cls)}
        unknown = sorted(short_repr(name) for name in values if name not in known)
        if unknown:
            raise SpecError(f"A network has no field called {unknown[0]}; remove it.")
        return cls(**values)

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build a spec from the result of `to_json`.

        Raises:
            SpecError: The text is not a JSON object, or a field is wrong.
        """
        try:
            values = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise SpecError(
                "A network must be written as a JSON object; this is not JSON."
            ) from error
        if not isinstance(values, dict):
            raise SpecError(f"A network must be a JSON object, not {type(values).__name__}.")
        return cls.from_dict(values)

    def to_query(self) -> dict[str, str]:
        """Return the shortest URL parameters that restore this spec.

        They name the preset, or ``custom`` with its blocks, and the fields that differ from it.
        """
        from resnet_viz.network.spec.link_parameters import spec_to_query

        return spec_to_query(self)

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> ResNetSpec:
        """Return the network of a link's URL parameters; ignore parameters of other things.

        Raises:
            SpecError: A parameter is not a valid value of its field.
        """
        from resnet_viz.network.spec.link_parameters import spec_from_query

        return spec_from_query(query)
