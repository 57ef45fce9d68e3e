"""A network and an input as the values of the sidebar's widgets. No Streamlit here."""

from __future__ import annotations

from typing import Any

from resnet_viz.network.spec import InputSpec, ResNetSpec, preset_name, stages_text
from resnet_viz.ui.state.choice import CUSTOM

__all__ = ["fields"]


def fields(spec: ResNetSpec, input: InputSpec) -> dict[str, Any]:  # noqa: A002 - as in profile
    """What the sidebar's widgets hold, by their keys, when this network and input are chosen.

    For `session.change`, or in a callback for the session's state itself. Device
    and weights, and what is looked at, are left as they are.

    Args:
        spec: The network.
        input: Its height and width; the channels are the network's.
    """
    return {
        "model": preset_name(spec) or CUSTOM,
        "block": spec.block,
        "blocks": stages_text(spec.blocks),
        "stem": spec.stem,
        "base_width": spec.base_width,
        "groups": spec.groups,
        "width_per_group": spec.width_per_group,
        "stride_in": spec.stride_in,
        "shortcut": spec.shortcut,
        "strides": stages_text(spec.strides),
        "dilations": stages_text(spec.dilations),
        "zero_init": spec.zero_init_residual,
        "c": spec.in_channels,
        "classes": spec.num_classes,
        "h": input.height,
        "w": input.width,
    }
