"""Checkpoint files for a small network, in the three formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from resnet_viz.errors import WeightsError
from resnet_viz.model import build_model
from resnet_viz.spec import ResNetSpec
from resnet_viz.weights import load_weights

SPEC = ResNetSpec(block="basic", blocks=(1, 1), base_width=4, num_classes=3)

State = dict[str, Tensor]


def some_state(seed: int = 5) -> State:
    """A state dict in which every tensor differs from the freshly made one."""
    generator = torch.Generator().manual_seed(seed)
    made = build_model(SPEC).state_dict()
    return {
        key: torch.rand(value.shape, generator=generator)
        if value.is_floating_point()
        else torch.tensor(7)
        for key, value in made.items()
    }


def pth(thing: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer, **options)
    return buffer.getvalue()


def old_pth(thing: Any) -> bytes:
    return pth(thing, _use_new_zipfile_serialization=False)


FORMATS: dict[str, Callable[[State], bytes]] = {
    ".pth": pth,
    ".pt": old_pth,
    ".safetensors": safetensors_bytes,
}


def refused(source: str | bytes, spec: ResNetSpec = SPEC) -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(spec, source)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence
