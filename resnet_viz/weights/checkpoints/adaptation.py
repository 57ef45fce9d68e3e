"""A checkpoint's tensors brought to a network of other channels or classes, with a receipt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Final

import torch
from torch import Tensor

from resnet_viz.errors import WeightsError, short_repr
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.units import si
from resnet_viz.weights.checkpoints.receipt import COUNTER, FATES, Entry, Receipt
from resnet_viz.weights.checkpoints.recognition import (
    Recognised,
    network_text,
    recognise,
    same_architecture,
)
from resnet_viz.weights.checkpoints.unwrapping import unwrap
from resnet_viz.weights.mismatch_error import MismatchError
from resnet_viz.weights.sources import FirstConv

__all__ = ["adapt", "first_conv_choices", "with_channels"]

_FIRST_WEIGHTS: Final = ("conv1.weight", "conv1.0.weight")
_STEM: Final = ("conv1.", "bn1.")
_OTHER_STEM: Final = "the checkpoint's stem is another"
_OTHER_SHAPE: Final = "of another shape in the checkpoint"
_MISSING: Final = "not in the checkpoint"
_NO_COUNTER: Final = "the checkpoint has no such counter; it starts at 0"
_NO_PLACE: Final = "the network here has no such tensor"


def first_conv_choices(old: int, new: int) -> tuple[FirstConv, ...]:
    """The ways to bring a first convolution from `old` to `new` channels, the usual one first.

    Ways that come to the same are named once; equal channels need none.
    """
    if old == new:
        return ()
    if new == 1:
        return "sum", "fresh"
    if old == 1:
        return "repeat", "fresh"
    return "repeat", "average", "fresh"


def with_channels(weight: Tensor, channels: int, how: FirstConv) -> Tensor:
    """A convolution's weight for another number of input channels.

    With n old and m new channels: ``sum`` adds the old ones up to the one new (m = 1);
    ``repeat`` takes old channel i mod n for new channel i, times n / m; ``average`` gives every
    new channel the mean of the old ones, times n / m. The factor keeps the sum of the weights.

    To a grey picture, whose channels are equal, the response stays exactly (up to rounding) what
    it was after ``sum`` and ``average``, and after ``repeat`` if m is a multiple of n; else
    ``repeat`` gives some old channels a greater share than others.

    Args:
        weight: ``[out, n, k, k]``.
        channels: m.
        how: ``sum``, ``repeat`` or ``average``.

    Returns:
        ``[out, m, k, k]``.
    """
    old = weight.shape[1]
    if how == "sum":
        return weight.sum(1, keepdim=True)
    if how == "average":
        return weight.mean(1, keepdim=True).repeat(1, channels, 1, 1) * (old / channels)
    return weight[:, torch.arange(channels) % old] * (old / channels)


def adapt(
    state: Mapping[str, Tensor],
    spec: ResNetSpec,
    first_conv: FirstConv | None = None,
    seed: int = 0,
    *,
    origin: str = "a checkpoint",
    notes: tuple[str, ...] = (),
    any_stem: bool = False,
    partial: bool = False,
) -> tuple[dict[str, Tensor], Receipt]:
    """The state dict of a network, filled from a checkpoint.

    What the checkpoint lacks is drawn as `build_model` draws it. A head for another number of
    classes is drawn anew; other input channels adapt the first convolution.

    Args:
        state: A checkpoint's tensors, wrapped as they may be; not written to, but the result may
            share memory with them.
        spec: The network.
        first_conv: One of `first_conv_choices`; None for the first.
        seed: Of what is drawn anew.
        origin: For the receipt.
        notes: Sentences on the file, for the receipt.
        any_stem: Let the network's stem be another than the checkpoint's: it is drawn anew.
            Asking for a ``fresh`` first convolution allows it, too.
        partial: Let the network be another altogether: tensors of the same name and shape are
            kept, the rest is drawn anew. A stem of another kind is drawn anew as a whole, and a
            batch norm's counter goes with its statistics.

    Returns:
        float32 tensors (int64 counters) by the network's keys, in its order, and the receipt.

    Raises:
        MismatchError: The checkpoint is of another architecture, and it was not asked for what
            fits, or nothing of its blocks does; the error says of which.
        WeightsError: It is of no ResNet, holds whole numbers where a network has real ones, or
            the first convolution cannot be adapted so.
        BudgetError: The network needs more memory than is free.
    """
    unwrapped = unwrap(state)
    found = recognise(unwrapped.state)
    any_stem = any_stem or first_conv == "fresh"
    same = same_architecture(found.spec, spec, any_stem=any_stem)
    if not same:
        _require_some(found, unwrapped.state, spec, partial=partial)
    _require_real(unwrapped.state)
    how = _first_conv(found, spec, first_conv)
    model = build_model(spec, "cpu", seed)
    fresh = model.state_dict()
    new_stem = found.spec.stem != spec.stem
    filled = {
        key: (value, Entry(key, "fresh", _OTHER_STEM, tuple(value.shape)))
        if new_stem and key.startswith(_STEM)
        else _fill(key, unwrapped.state, fresh, found, how)
        for key, value in fresh.items()
    }
    values = {key: value for key, (value, _) in filled.items()}
    left_out = dict(unwrapped.left_out)
    surplus = [key for key in unwrapped.state if key not in fresh]
    left_out |= {k: _OTHER_STEM if k.startswith(_STEM) else _NO_PLACE for k in surplus}
    originals = {**unwrapped.state, **state}
    ours = tuple(entry for _, entry in filled.values())
    entries = ours + tuple(
        Entry(key, "left out", why, tuple(originals[key].shape)) for key, why in left_out.items()
    )
    notes = (*notes, *unwrapped.notes, *_notes(values, entries, spec))
    if not same:
        notes = (_kept_note(found, ours, {key for key, _ in model.named_parameters()}), *notes)
    return values, Receipt(origin, entries, notes, _as_no_file_says(found.spec, spec))


def _as_no_file_says(found: ResNetSpec, spec: ResNetSpec) -> ResNetSpec:
    """The network found, with what leaves no trace in a file as the network at hand has it."""
    found = replace(found, stride_in=spec.stride_in)
    if same_architecture(found, spec, any_stem=True):
        return replace(found, strides=spec.strides, dilations=spec.dilations)
    return found


def _require_some(
    found: Recognised, state: Mapping[str, Tensor], spec: ResNetSpec, *, partial: bool
) -> None:
    """Refuse another network's checkpoint, unless what fits is asked for and there is some.

    Raises:
        MismatchError: It was not asked for, or no tensor of a block fits.
    """
    expected = build_model(spec, "meta").state_dict()
    fits = any(
        key in expected and value.shape == expected[key].shape
        for key, value in state.items()
        if key.startswith("layer") and not key.endswith(COUNTER)
    )
    if not (partial and fits):
        raise MismatchError(
            f"This looks like {found.text}, and the network here is {network_text(spec)}; set "
            f"the network to it, {'keep what fits, ' if fits else ''}or choose other weights.",
            _as_no_file_says(found.spec, spec),
        )


def _require_real(state: Mapping[str, Tensor]) -> None:
    """Refuse whole numbers where a network has real ones.

    Raises:
        WeightsError: There are some.
    """
    for key, value in state.items():
        if not (value.is_floating_point() or key.endswith(COUNTER)):
            raise WeightsError(
                f"The values of {short_repr(key)} are whole numbers ({_kind(value)}), as in a "
                "quantised network; give the weights as real numbers, such as float32."
            )


def _first_conv(found: Recognised, spec: ResNetSpec, asked: FirstConv | None) -> FirstConv | None:
    """The way to adapt the first convolution; None if its channels are right.

    Raises:
        WeightsError: The one asked for is not among the choices.
    """
    old, new = found.spec.in_channels, spec.in_channels
    choices = first_conv_choices(old, new)
    if asked is None or not choices:
        return choices[0] if choices else None
    if asked not in choices:
        raise WeightsError(
            f"A first convolution of {old} channels can be brought to {new} by "
            f"{' or '.join(choices)}, not by {short_repr(asked)}."
        )
    return asked


def _fill(
    key: str,
    state: Mapping[str, Tensor],
    made: Mapping[str, Tensor],
    found: Recognised,
    how: FirstConv | None,
) -> tuple[Tensor, Entry]:
    """The value of one of the network's tensors, and what to say of it."""
    old, fresh = state.get(key), made[key]
    shape = tuple(fresh.shape)
    if key.endswith(COUNTER):
        mean = key.removesuffix(COUNTER) + ".running_mean"
        why_fresh = _why_counted_anew(old, state.get(mean), made[mean])
    else:
        why_fresh = _why_fresh(key, old, fresh, found, how)
    if why_fresh:
        return fresh, Entry(key, "fresh", why_fresh, shape)
    if old is None:  # of all that may be missing, `_why_fresh` lets only this one pass
        return torch.zeros_like(fresh), Entry(
            key, "adapted", "the checkpoint's head has no bias, so it is 0", shape
        )
    if how is not None and key in _FIRST_WEIGHTS:
        why = f"{how} of {old.shape[1]} input channels for {fresh.shape[1]}"
        return with_channels(old.float(), fresh.shape[1], how), Entry(key, "adapted", why, shape)
    converted = "" if old.dtype == fresh.dtype else f"converted from {_kind(old)}"
    return old.to(fresh.dtype), Entry(key, "kept", converted, shape)


def _why_fresh(
    key: str, old: Tensor | None, fresh: Tensor, found: Recognised, how: FirstConv | None
) -> str:
    """Why a tensor cannot come from the checkpoint; empty if it can."""
    if key.startswith("fc."):
        classes = found.num_classes
        if classes is None:
            return "the checkpoint has no head of one linear layer on these features"
        if classes != fresh.shape[0]:
            return f"the checkpoint's head is for {classes} classes, this one for {fresh.shape[0]}"
        if old is None:  # the bias: without a weight there would be no classes
            return ""
        return "" if old.shape == fresh.shape else _OTHER_SHAPE
    if old is None:
        return _MISSING
    if how is None or key not in _FIRST_WEIGHTS:
        return "" if old.shape == fresh.shape else _OTHER_SHAPE
    if how == "fresh":
        return f"the checkpoint has {old.shape[1]} input channels, this network {fresh.shape[1]}"
    return "" if len(old) == len(fresh) else _OTHER_SHAPE  # the stem's kind tells the kernel


def _why_counted_anew(counter: Tensor | None, mean: Tensor | None, fresh_mean: Tensor) -> str:
    """Why a batch norm's counter starts at 0; empty if it goes on from the checkpoint's."""
    if mean is not None and mean.shape != fresh_mean.shape:
        return f"its batch norm is {_OTHER_SHAPE}"
    if counter is None and mean is None:
        return _MISSING
    usable = counter is not None and counter.ndim == 0 and not counter.is_floating_point()
    return "" if usable else _NO_COUNTER


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _kept_note(found: Recognised, entries: Iterable[Entry], learned: Collection[str]) -> str:
    """How much of the network another one's checkpoint fills."""
    sizes = [(entry.fate, prod(entry.shape)) for entry in entries if entry.key in learned]
    kept, total = (
        sum(size for fate, size in sizes if fate in fates) for fates in (("kept",), FATES)
    )
    return f"This looks like {found.text}: {si(kept)} of {si(total)} parameters here are kept."


def _notes(
    values: Mapping[str, Tensor], entries: Iterable[Entry], spec: ResNetSpec
) -> Iterator[str]:
    if counters := sum(e.why == _NO_COUNTER for e in entries):
        yield f"{counters} counters of batches, which old files lack, start at 0."
    if spec.block == "bottleneck" and len(spec.blocks) > 1:
        yield (
            "A file does not say which convolution of a bottleneck has the stride: it is the "
            f"{spec.stride_in}, as in the network here."
        )
    for key, value in values.items():
        if value.is_floating_point() and (bad := int((~value.isfinite()).sum())):
            yield f"{key}: {bad} {'value is' if bad == 1 else 'values are'} not finite."
