"""Where a network's values come from: a seed, or a file of one's own."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from resnet_viz.devices import resolve_device
from resnet_viz.errors import WeightsError
from resnet_viz.model import ResNet, build_model
from resnet_viz.sources import DEFAULT_WEIGHTS, parse_source
from resnet_viz.spec import ResNetSpec
from resnet_viz.units import shape_text, si

__all__ = ["MAX_FILE_BYTES", "load_weights", "read_checkpoint"]

MAX_FILE_BYTES: Final = 2 * 10**9

# What the unpickler and the archive reader raise on bytes that are not a checkpoint.
_BROKEN: Final = (
    pickle.UnpicklingError,
    SafetensorError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    Warning,  # where they are made errors: an unusual pickle protocol is one
)


def load_weights(
    spec: ResNetSpec, source: str | bytes = DEFAULT_WEIGHTS, device: str | torch.device = "cpu"
) -> ResNet:
    """A network with its values, in evaluation mode.

    Args:
        spec: The network.
        source: ``random:<seed>``; the path of a ``.safetensors``, ``.pth`` or ``.pt`` file with a
            state dict; or the bytes of such a file.
        device: As for `build_model`.

    Raises:
        WeightsError: The source is not there, not a state dict, or does not fit the network;
            the text says which keys differ.
        DeviceError: The device is not there.
        BudgetError: The weights need more memory than is free.
    """
    if isinstance(source, str) and source.startswith("random:"):
        return build_model(spec, device, parse_source(source).seed)
    state = read_checkpoint(source if isinstance(source, bytes) else Path(source))
    model = build_model(spec, "cpu", seed=None)
    expected = model.state_dict()
    for key, value in expected.items():
        # The counter of batches, which old files lack, means nothing to a trained network.
        if key.endswith(".num_batches_tracked"):
            state.setdefault(key, torch.zeros_like(value))
    _require_equal_keys(state, expected)
    model.load_state_dict(state)
    return model.to(resolve_device(device))


def read_checkpoint(source: Path | bytes) -> dict[str, Tensor]:
    """The tensors of a checkpoint file, by key; no code of the file is run.

    A file in the safetensors format is recognised by its content, and anything else is read
    with ``torch.load(weights_only=True)``, a zip archive only if nothing in it is compressed:
    ``torch.save`` stores, and a small file could inflate without limit.

    Raises:
        WeightsError: There is no such file, it is too large, or it is no state dict.
    """
    data = source if isinstance(source, bytes) else _file_bytes(source)
    if len(data) > MAX_FILE_BYTES:
        raise _too_large()
    try:
        inflates = False
        if _is_safetensors(data):
            loaded: Any = load_safetensors(data)
        elif not (inflates := _inflates(data)):
            loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except _BROKEN as error:
        raise WeightsError(
            "This file is not a checkpoint that can be read safely; save the network's state "
            "dict with torch.save or as .safetensors."
        ) from error
    if inflates:
        raise WeightsError(
            "This checkpoint is a compressed archive, or unpacks to more than "
            f"{si(MAX_FILE_BYTES, 'B')}; save the state dict alone with torch.save, which "
            "compresses nothing."
        )
    if not isinstance(loaded, Mapping) or not all(
        isinstance(key, str) and _is_plain(value) for key, value in loaded.items()
    ):
        raise WeightsError(
            "This checkpoint holds something else than a state dict of named tensors; save "
            "model.state_dict() alone."
        )
    return dict(loaded)


def _is_plain(value: object) -> bool:
    """Whether this is a tensor of real values that can be copied into a network's."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_nested or value.is_meta or value.is_quantized or value.is_complex())
    )


def _file_bytes(path: Path) -> bytes:
    """The file, or so much of it that it is seen to be too large."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size  # 0 of a pipe
            if size <= MAX_FILE_BYTES:
                return file.read((size or MAX_FILE_BYTES) + 1)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"There is no readable weights file {str(path)[:200]!r}; give random:<seed> or the "
            "path of a .safetensors or .pth file."
        ) from error
    raise _too_large()


def _too_large() -> WeightsError:
    return WeightsError(
        f"This checkpoint is too large: at most {si(MAX_FILE_BYTES, 'B')} are read; save the "
        "state dict alone, without the optimizer's."
    )


def _inflates(data: bytes) -> bool:
    """Whether this is a zip archive that takes more memory than its own size, or than allowed.

    Raises:
        zipfile.BadZipFile: Its directory is broken; other errors of `_BROKEN` likewise.
    """
    # torch goes by the first bytes, and zipfile by the last.
    if not (data.startswith(b"PK\x03\x04") or zipfile.is_zipfile(io.BytesIO(data))):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
    return (
        any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        or sum(entry.file_size for entry in entries) > MAX_FILE_BYTES
    )


def _is_safetensors(data: bytes) -> bool:
    # https://github.com/huggingface/safetensors: 8 bytes of header length, then JSON.
    return len(data) > 8 and data[8:9] == b"{"


def _require_equal_keys(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse a state dict that is not exactly the network's.

    Raises:
        WeightsError: Keys are missing or unexpected, or shapes differ.
    """
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    reshaped = [
        f"{key} ({_shape(state[key])} instead of {_shape(expected[key])})"
        for key in expected
        if key in state and state[key].shape != expected[key].shape
    ]
    differences = [
        f"{len(keys)} {what}: {_some(keys)}"
        for what, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", reshaped),
        )
        if keys
    ]
    if differences:
        raise WeightsError(
            f"This checkpoint does not fit the network; of its keys {'; '.join(differences)}. "
            "Choose the network that it was made for."
        )


def _shape(tensor: Tensor) -> str:
    return shape_text(tensor.shape) or "a single number"


def _some(names: Iterable[str], most: int = 3) -> str:
    listed = [name[:120] for name in names]
    rest = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {rest} more" if rest > 0 else "")
