"""Checkpoint files for a small network, in the three formats; and reading them without a wait."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from resnet_viz.errors import WeightsError
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.weights.checkpoints import reading
from resnet_viz.weights.checkpoints.reader_process import read_pickle
from resnet_viz.weights.checkpoints.state_dicts import Checkpoint
from resnet_viz.weights.loading import load_weights

SPEC = ResNetSpec(block="basic", blocks=(1, 1), base_width=4, num_classes=3)

State = dict[str, Tensor]


def some_state(seed: int = 5, spec: ResNetSpec = SPEC) -> State:
    """A state dict in which every tensor differs from the freshly made one."""
    generator = torch.Generator().manual_seed(seed)
    made = build_model(spec).state_dict()
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


def safetensors_with(header: Any, data: bytes = b"") -> bytes:
    """A file with any header, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Calls:
    """Pickled as a call: anything careless makes it when it reads the file."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@contextmanager
def read_in_this_process() -> Iterator[None]:
    """Read pickles with the code of the process of their own, but without its start."""

    def read(path: Path, folder: Path) -> Checkpoint:
        return read_pickle(path, reading.MAX_FILE_BYTES)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_read_apart", read)
        yield


def refused(source: str | Path | bytes, spec: ResNetSpec = SPEC) -> str:
    """The one sentence with which a source of weights is refused."""
    with pytest.raises(WeightsError) as caught:
        load_weights(spec, source)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 700
    return sentence
