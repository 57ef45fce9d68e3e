"""The state dict in what a checkpoint file holds: itself, or one entry among many."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from resnet_viz.errors import WeightsError, short_repr
from resnet_viz.units import si

__all__ = ["MAX_TENSORS", "Checkpoint", "find_state_dict", "too_large"]

MAX_TENSORS: Final = 20_000

_MAX_DIMENSIONS: Final = 8
_MAX_NAME: Final = 1000  # characters
_MAX_DEPTH: Final = 4  # of dictionaries in dictionaries
_MAX_DICTIONARIES: Final = 10_000
_READABLE: Final = frozenset(
    (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
)

# Where training programs put the network, the likeliest first.
_WRAPPERS: Final = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module"),
    *("backbone", "encoder", "resnet", "weights", "params", "student", "teacher"),
)
# A moving average of the weights: as good, but not what was asked for.
_AVERAGED: Final = re.compile(r"(?:^|_)(?:ema|averaged)(?:_|$)")
# A ResNet's, also where its modules have become the numbered items of a sequence.
_TELLING: Final = re.compile(r"(?:^|\.)(?:layer1|[34])\.0\.conv1\.weight$")


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        state: Tensors of real or whole numbers, or of truth values, by their key in the file.
        notes: Sentences on where they were found, and on what beside them was not looked at.
    """

    state: dict[str, Tensor]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """A dictionary in which there are tensors by name, and the keys that lead to it."""

    path: tuple[str, ...]
    values: Mapping[Any, Any]

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """The least is the likeliest to be the network."""
        names = [name.lower() for name in self.path]
        telling = any(isinstance(key, str) and _TELLING.search(key) for key in self.values)
        known = [_WRAPPERS.index(n) if n in _WRAPPERS else len(_WRAPPERS) for n in names]
        averaged = any(_AVERAGED.search(name) for name in names)
        return not telling, averaged, max(known, default=-1), len(names)


def find_state_dict(loaded: object, max_bytes: int) -> Checkpoint:
    """The network's tensors in what was loaded.

    They may stand by themselves or, as training programs have it, under ``state_dict``,
    ``model``, ``net`` and so on, beside an optimizer, an epoch, a moving average of the weights
    (taken only if there are no others).

    Args:
        loaded: What a file held.
        max_bytes: What the tensors may take, each in full.

    Raises:
        WeightsError: There are no tensors by name, too many, or of a kind that no network has.
    """
    chosen = min(_candidates(loaded), key=lambda candidate: candidate.rank, default=None)
    if chosen is None:
        raise WeightsError(
            "This checkpoint holds something else than a state dict of named tensors; save "
            "model.state_dict() alone."
        )
    state = {
        key: value
        for key, value in chosen.values.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if len(state) > MAX_TENSORS:
        raise WeightsError(
            f"This checkpoint holds {len(state):,} tensors, and at most {MAX_TENSORS:,} are read; "
            "save the network's state dict alone."
        )
    for key, value in state.items():
        _require_plain(key, value)
    if sum(value.numel() * value.element_size() for value in state.values()) > max_bytes:
        raise too_large("unpacks to more than may be read", max_bytes)
    return Checkpoint(state, tuple(_notes(loaded, chosen, len(state))))


def too_large(what: str, max_bytes: int) -> WeightsError:
    """The refusal of a checkpoint that is, or unpacks to, more than a limit."""
    return WeightsError(
        f"This checkpoint {what}: at most {si(max_bytes, 'B')} are read; save the state dict "
        "alone, without the optimizer's."
    )


def _candidates(loaded: object) -> Iterator[_Candidate]:
    """Dictionaries with tensors by name, the outer ones first, each once."""
    waiting: deque[tuple[tuple[str, ...], object]] = deque([((), loaded)])
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_DICTIONARIES:
        path, values = waiting.popleft()
        # A pickle of a few bytes can hold one dictionary in itself, or in thousands of places.
        if not isinstance(values, Mapping) or id(values) in seen:
            continue
        seen.add(id(values))
        if any(isinstance(k, str) and isinstance(v, Tensor) for k, v in values.items()):
            yield _Candidate(path, values)
        if len(path) < _MAX_DEPTH:
            waiting.extend(((*path, str(key)[:80]), value) for key, value in values.items())


def _require_plain(key: str, value: Tensor) -> None:
    """Refuse what cannot be copied into a network.

    Raises:
        WeightsError: The tensor has no strides, no values, or numbers of another kind.
    """
    what = None
    if value.layout != torch.strided or value.is_nested:
        what = "sparse or nested"
    elif value.is_meta:
        what = "without values"
    elif value.dtype not in _READABLE:
        what = f"of type {str(value.dtype).removeprefix('torch.')}"
    elif value.ndim > _MAX_DIMENSIONS:
        what = f"of {value.ndim} dimensions"
    elif len(key) > _MAX_NAME:
        what = f"called by a name of {len(key):,} characters"
    if what:
        raise WeightsError(
            f"This checkpoint's tensor {short_repr(key)} is {what}; a network's are plain arrays "
            "of real numbers by short names: save them as float32."
        )


def _notes(loaded: object, chosen: _Candidate, tensors: int) -> Iterator[str]:
    if chosen.path:
        yield f"The state dict stood under {'.'.join(chosen.path)[:120]}."
        beside = [str(key)[:40] for key in loaded if str(key)[:80] != chosen.path[0]]  # type: ignore[attr-defined]
        if beside:
            rest = f" and {len(beside) - 6} more" if len(beside) > 6 else ""
            yield f"Not looked at, beside it: {', '.join(beside[:6])}{rest}."
    if others := len(chosen.values) - tensors:
        yield f"Not looked at, in the state dict: {others} that are no tensors by name."
