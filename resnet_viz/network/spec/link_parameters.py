"""Convert a network to the parameters of a link's URL, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Final

from resnet_viz.network.spec.architecture import ResNetSpec
from resnet_viz.network.spec.presets import PRESETS, preset_name
from resnet_viz.network.spec.stage_lists import join, parse_blocks, parse_stages
from resnet_viz.network.validation import choice, parse_integer

__all__ = ["spec_from_query", "spec_to_query"]

# The URL's short names; every other field keeps its own.
_QUERY_NAMES: Final = MappingProxyType(
    {"in_channels": "c", "num_classes": "classes", "zero_init_residual": "zero_init"}
)


def spec_to_query(spec: ResNetSpec) -> dict[str, str]:
    """Return the shortest URL parameters that restore a network: see `ResNetSpec.to_query`."""
    name = preset_name(spec)
    if name is None:
        base = ResNetSpec(block=spec.block, blocks=spec.blocks)
        query = {"model": "custom", "block": spec.block, "blocks": join(spec.blocks)}
    else:
        base, query = PRESETS[name], {"model": name}
    for field in fields(spec):
        value = getattr(spec, field.name)
        if value != getattr(base, field.name):
            query[_QUERY_NAMES.get(field.name, field.name)] = _to_text(value)
    return query


def spec_from_query(query: Mapping[str, str]) -> ResNetSpec:
    """Return the network of URL parameters: see `ResNetSpec.from_query`.

    Raises:
        SpecError: A parameter is not a valid value of its field.
    """
    model = query.get("model", "resnet50")
    if model == "custom":
        base = ResNetSpec()
    else:
        base = PRESETS[choice("model", model, (*PRESETS, "custom"))]
    changes = {
        field.name: _from_text(field.name, query[name])
        for field in fields(ResNetSpec)
        if (name := _QUERY_NAMES.get(field.name, field.name)) in query
    }
    return replace(base, **changes)


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return join(value) if isinstance(value, tuple) else str(value)


def _from_text(name: str, text: str) -> Any:
    """A field's value from its text; the spec itself checks the limits."""
    if name == "blocks":
        return parse_blocks(text)
    if name in ("strides", "dilations"):
        return parse_stages(name, text)
    if name == "zero_init_residual":
        return choice(name, text.lower(), ("true", "false")) == "true"
    if name in ("block", "stem", "stride_in", "shortcut"):
        return text
    return parse_integer(name, text)
