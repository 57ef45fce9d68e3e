"""The names of a state dict without what training programs add: prefixes, other heads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from resnet_viz.errors import short_repr

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Unwrapped", "unwrap"]

# Where several networks stand in one state dict, the likeliest first: a query encoder before its
# slow copy. Those of other names come after these, the shortest first.
_PREFERRED: Final = ("encoder_q", "student", "model", "backbone", "encoder", "net", "resnet")
_SLOW: Final = re.compile(r"(?:^|[._])(?:ema|momentum|encoder_k|target|teacher)(?:[._]|$)")

_FIRST_BLOCK: Final = re.compile(r"^((?:.*\.)?)layer1\.0\.conv1\.weight$", re.DOTALL)
_NUMBERED_BLOCK: Final = re.compile(r"^((?:.*\.)?)([34])\.0\.conv1\.weight$", re.DOTALL)
_NUMBER: Final = re.compile(r"^(\d{1,2})\.(.*)$", re.DOTALL)
_BODY: Final = re.compile(r"^(?:conv1|bn1|layer[1-9]\d*)\.")
_SHORTCUT: Final = re.compile(r"^(layer\d+\.\d+\.)shortcut\.")
_POOLED_SHORTCUT: Final = re.compile(r"^(layer1\.0\.downsample\.)([12])\.")
_MAX_OTHERS: Final = 10  # networks in one file that are told apart
_MAX_AROUND: Final = 3  # modules around a network in which its head is looked for
_HEADS: Final = ("fc", "last_linear", "classifier", "head", "linear", "logits")

_Names = Mapping[str, str]  # what a tensor is called here, and in the checkpoint


@dataclass(frozen=True)
class Unwrapped:
    """A state dict with the names of this package's networks.

    Attributes:
        state: Tensors by their key in a network: ``conv1``, ``bn1``, ``layer1`` to the last, and
            ``fc`` if there is a head of one linear layer.
        left_out: Why the others are not in it, by their key in the checkpoint.
        notes: Sentences on what was renamed.
    """

    state: Mapping[str, Tensor]
    left_out: Mapping[str, str]
    notes: tuple[str, ...] = ()


def unwrap(state: Mapping[str, Tensor]) -> Unwrapped:
    """A network's tensors under their own names.

    A prefix such as ``module.``, ``model.`` or ``backbone.``, one or many in a row, is the one
    under which the first block, ``layer1.0``, is found; what lies outside is left out. A head of
    one linear layer, such as ``last_linear`` or ``classifier.1``, is ``fc``. A network that has
    become an ``nn.Sequential`` gets its names back, and so does a ``shortcut`` that is called
    ``downsample`` here, or counts a pooling that it does not need, as in timm's ResNet-D.

    Returns:
        The network; if no first block is found, all tensors as they stand.
    """
    names: _Names = {key: key for key in state}
    prefixes = _prefixes(names)
    if not prefixes:
        names = _without_numbers(names)
        prefixes = _prefixes(names)
    if not prefixes:
        return Unwrapped(state, {})
    prefix = prefixes[0]
    found = {
        key.removeprefix(prefix): old
        for key, old in names.items()
        if key.startswith(prefix) and _BODY.match(key.removeprefix(prefix))
    }
    found = _shortcuts(found, state)
    head_name, head = _head(names, prefix, state)
    found |= head
    notes = []
    if prefix:
        notes.append(f"The network's keys began with {short_repr(prefix)}.")
    if head_name not in (None, f"{prefix}fc."):
        notes.append(f"The classifier was called {short_repr(head_name)} and is fc here.")
    taken = set(found.values())
    left_out = {
        old: _reason(key, prefix, prefixes[1:_MAX_OTHERS])
        for key, old in names.items()
        if old not in taken
    }
    return Unwrapped({key: state[old] for key, old in found.items()}, left_out, tuple(notes))


def _prefixes(names: Iterable[str]) -> list[str]:
    """What stands before the first block of each network, the likeliest network first."""
    found = {match[1] for key in names if (match := _FIRST_BLOCK.match(key))}

    def rank(prefix: str) -> tuple[bool, bool, int, int, str]:
        parts = prefix.lower().split(".")
        known = [_PREFERRED.index(part) for part in parts if part in _PREFERRED]
        slow = _SLOW.search(prefix.lower()) is not None
        return slow, prefix != "", min(known, default=len(_PREFERRED)), len(prefix), prefix

    return sorted(found, key=rank)


def _without_numbers(names: _Names) -> _Names:
    """The names of ``nn.Sequential(*resnet.children())`` as the ResNet had them.

    Its items: the convolution 0, the batch norm 1, the ReLU 2, perhaps a max-pool 3, the stages.
    """
    found = [match for key in names if (match := _NUMBERED_BLOCK.match(key))]
    if not found:
        return names
    first = min(found, key=lambda match: (len(match[1]), match[2]))
    prefix, stage_1 = first[1], int(first[2])

    def named(key: str) -> str:
        match = _NUMBER.match(key.removeprefix(prefix)) if key.startswith(prefix) else None
        if match is None:
            return key
        number = int(match[1])
        if number >= stage_1:
            name = f"layer{number - stage_1 + 1}"
        else:
            name = {0: "conv1", 1: "bn1"}.get(number, match[1])
        return f"{prefix}{name}.{match[2]}"

    return {named(key): old for key, old in names.items()}


def _shortcuts(found: _Names, state: Mapping[str, Tensor]) -> dict[str, str]:
    """The modules on shortcuts by our names and numbers."""
    found = {_SHORTCUT.sub(r"\1downsample.", key): old for key, old in found.items()}
    conv = found.get("layer1.0.downsample.1.weight")
    if conv is None or state[conv].ndim != 4:
        return found
    # timm: an identity, where later stages pool, and then what is numbered 0 and 1 here.
    return {
        _POOLED_SHORTCUT.sub(lambda match: f"{match[1]}{int(match[2]) - 1}.", key): old
        for key, old in found.items()
    }


def _head(
    names: _Names, prefix: str, state: Mapping[str, Tensor]
) -> tuple[str | None, dict[str, str]]:
    """The one linear layer of the head, beside the network's body or around it."""
    parts = prefix.split(".")
    for depth in range(len(parts), max(0, len(parts) - 1 - _MAX_AROUND), -1):
        around = "".join(f"{part}." for part in parts[: depth - 1])
        for head in _HEADS:
            group = [key for key in names if key.startswith(f"{around}{head}.")]
            weight = next((key for key in group if key.endswith(".weight")), "")
            layer = weight.removesuffix("weight")
            # A second layer, or a batch norm, would have to be left out.
            if weight and state[names[weight]].ndim == 2 and {*group} <= {weight, f"{layer}bias"}:
                return layer, {f"fc.{key.removeprefix(layer)}": names[key] for key in group}
    return None, {}


def _reason(key: str, prefix: str, others: Iterable[str]) -> str:
    for other in others:
        if key.startswith(other):
            return f"it belongs to another network in the file, {short_repr(other)}"
    if key.removeprefix(prefix).split(".")[0] in _HEADS:
        return "it belongs to a head that is not one linear layer"
    return "it is no part of a ResNet"
