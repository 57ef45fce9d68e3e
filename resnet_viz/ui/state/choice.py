"""What the visitor has chosen, as one value, and its form in a link. No Streamlit here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from resnet_viz.errors import ResNetVizError, SpecError
from resnet_viz.network.spec import (
    MAX_SIDE,
    PRESETS,
    InputSpec,
    ResNetSpec,
    preset_input,
    preset_name,
)
from resnet_viz.ui.state.input_size_options import DEFAULT_LAB, LAB_KEYS, Lab
from resnet_viz.views.graph.open_parts import DEFAULT_OPENING, Opening
from resnet_viz.views.row_groups import COSTS

__all__ = ["BASE_KEY", "CUSTOM", "LINK_KEYS", "PAGE_KEYS", "SPEC_KEYS", "Choice"]

CUSTOM: Final = "custom"

_DEVICE: Final = re.compile(r"auto|cpu|mps|cuda(:\d{1,2})?", re.ASCII)

# In the order in which a link's parameters are tried: those that others depend on first.
SPEC_KEYS: Final = (
    "model",
    "block",
    "blocks",
    "stem",
    "base_width",
    "groups",
    "width_per_group",
    "stride_in",
    "shortcut",
    "strides",
    "dilations",
    "c",
    "classes",
    "zero_init",
)
PAGE_KEYS: Final = ("layer", "level", "open", "cost", *LAB_KEYS)  # what is looked at, and how
BASE_KEY: Final = "base"  # the preset that a custom network was made from
LINK_KEYS: Final = (*SPEC_KEYS, "h", "w", "device", "weights", *PAGE_KEYS, BASE_KEY)


@dataclass(frozen=True)
class Choice:
    """A network, its input, and where and with which weights it runs.

    Attributes:
        spec: The network.
        input: The input, its channels those of the network.
        device: ``auto`` or a device's name.
        weights: A weights source, ``random:<seed>``.
        layer: The operation, block, stage or downsample point in focus, or ``input``; None for
            none.
        opening: What is open in the graph.
        cost: What the bars in the graph show: a key of `resnet_viz.views.row_groups.COSTS`.
        lab: What is looked at on the page Input size.
    """

    spec: ResNetSpec
    input: InputSpec
    device: str = "auto"
    weights: str = "random:0"
    layer: str | None = None
    opening: Opening = DEFAULT_OPENING
    cost: str = "macs"
    lab: Lab = DEFAULT_LAB

    @property
    def looks(self) -> dict[str, Any]:
        """The values of `PAGE_KEYS`."""
        level, opened = self.opening.level, self.opening.text
        looks = {"layer": self.layer, "level": level, "open": opened, "cost": self.cost}
        return looks | self.lab.values

    @property
    def model(self) -> str:
        """The preset's name, or ``custom``."""
        return preset_name(self.spec) or CUSTOM

    def to_query(self) -> dict[str, str]:
        """The link's parameters; what equals a default is left out."""
        usual = _usual_input(self.model)
        query = self.spec.to_query()
        if self.input.height != usual.height:
            query["h"] = str(self.input.height)
        if self.input.width != usual.width:
            query["w"] = str(self.input.width)
        if self.device != "auto":
            query["device"] = self.device
        if self.weights != "random:0":
            query["weights"] = self.weights
        for key, usual_look in _USUAL_LOOKS.items():
            if (value := self.looks[key]) and value != usual_look:
                query[key] = value
        return query | self.lab.to_query()

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], check_weights: Callable[[str], object]
    ) -> tuple[Choice, tuple[str, ...]]:
        """The choice of a link, and a sentence for each value that had to be dropped.

        Args:
            query: The link's parameters.
            check_weights: Raises a `ResNetVizError` for a weights source that cannot be used.
        """
        problems: list[str] = []
        spec = _spec(query, problems)
        usual = _usual_input(preset_name(spec) or CUSTOM)
        size = replace(
            usual,
            channels=spec.in_channels,
            height=_side("h", query, usual.height, problems),
            width=_side("w", query, usual.width, problems),
        )
        weights = query.get("weights", "random:0")
        try:
            check_weights(weights)
        except ResNetVizError as error:
            problems.append(f"The link's weights were left out: {error}")
            weights = "random:0"
        device = query.get("device", "auto")
        if not _DEVICE.fullmatch(device):
            problems.append(
                "The link's device was left out: it must be auto, cpu, mps or cuda:<number>, "
                f"not {device[:40]!r}."
            )
            device = "auto"
        opening, cost = _looks(query, problems)
        layer = query.get("layer") or None
        lab = Lab.from_query(query, problems)
        return cls(spec, size, device, weights, layer, opening, cost, lab), tuple(problems)


_USUAL_LOOKS: Final = {"layer": None, "level": DEFAULT_OPENING.level, "open": "", "cost": "macs"}


def _looks(query: Mapping[str, str], problems: list[str]) -> tuple[Opening, str]:
    """What is open, and the cost that is shown."""
    opening = DEFAULT_OPENING
    for key in ("level", "open"):
        try:
            given = {"level": opening.level, "open": ""} | {key: query.get(key, "")}
            if given[key]:
                opening = Opening.parse(given["level"], given["open"])
        except SpecError as error:
            problems.append(f"The link's {key} was left out: {error}")
    cost = query.get("cost", "macs")
    if cost not in COSTS:
        known = ", ".join(COSTS)
        problems.append(
            f"The link's cost was left out: it must be one of {known}, not {cost[:40]!r}."
        )
        cost = "macs"
    return opening, cost


def _usual_input(model: str) -> InputSpec:
    return preset_input(model) if model in PRESETS else InputSpec()


def _spec(query: Mapping[str, str], problems: list[str]) -> ResNetSpec:
    """The network of a link; parameters that are wrong, or do not go together, are dropped."""
    given = {key: query[key] for key in SPEC_KEYS if key in query}
    try:
        return ResNetSpec.from_query(given)
    except SpecError:
        accepted: dict[str, str] = {}
        for key, value in given.items():
            try:
                ResNetSpec.from_query(accepted | {key: value})
            except SpecError as error:
                problems.append(f"The link's {key} was left out: {error}")
            else:
                accepted[key] = value
        return ResNetSpec.from_query(accepted)


def _side(key: str, query: Mapping[str, str], usual: int, problems: list[str]) -> int:
    text = query.get(key, str(usual)).strip()
    if text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MAX_SIDE:
        return int(text)
    problems.append(
        f"The link's {key} was left out: it must be a whole number from 1 to {MAX_SIDE}, "
        f"not {text[:40]!r}."
    )
    return usual
