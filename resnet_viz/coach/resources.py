"""Where a network at an input takes more memory or arithmetic than there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from resnet_viz.coach import changes
from resnet_viz.coach.records import Conditions, Diagnosis
from resnet_viz.coach.topics import Proposal, Situation, Topic
from resnet_viz.memory import largest_batch, memory
from resnet_viz.profile import DTYPE_BYTES
from resnet_viz.records import Totals
from resnet_viz.spec import InputSpec, ResNetSpec
from resnet_viz.totals import totals
from resnet_viz.units import si

__all__ = ["MACS", "MEMORY", "memory_bound"]


def memory_bound(costs: Totals, input: InputSpec, dtype: str = "float32") -> int:  # noqa: A002
    """More bytes than `resnet_viz.memory.memory` can come to, for a first look without a trace.

    Parameters with gradients and at most three optimizer's sets of numbers; what is kept for the
    backward pass, the gradients that flow, and the places of maxima, int64: each at most all
    outputs and the input, the last twice that.
    """
    pictures = input.batch * (input.channels or 0) * input.height * input.width
    values = 5 * costs.params + 4 * (costs.activation_bytes // DTYPE_BYTES["float32"] + pictures)
    # Statistics and their counters; what the loss keeps.
    values += 4 * costs.buffers + 8 * input.batch + 8
    return values * max(DTYPE_BYTES["float32"], DTYPE_BYTES[dtype])


def _needed(spec: ResNetSpec, size: InputSpec, conditions: Conditions) -> int:
    """Bytes at the peak."""
    return memory(
        spec,
        size,
        conditions.dtype,
        training=conditions.training,
        optimizer=conditions.optimizer,
    ).peak_bytes


def _memory(at: Situation) -> Diagnosis | None:
    limit, asked = at.conditions.memory_bytes, at.conditions
    if limit is None or memory_bound(at.measures.totals, at.input, asked.dtype) <= limit:
        return None
    needed = _needed(at.spec, at.input, asked)
    if needed <= limit:
        return None
    work = "A step of training" if asked.training else "A pass"
    batch = f"batch {at.input.batch} of {at.size}"
    measured = f"{si(needed, 'B')} needed, {si(limit, 'B')} free"
    return Diagnosis(
        code="memory",
        title="More memory than there is",
        kind="arithmetic",
        path=None,
        number=needed,
        measured=measured,
        reason=f"{work} with {batch} in {asked.dtype} takes {si(needed, 'B')} at its peak, and "
        f"{si(limit, 'B')} are free; what the allocator wastes comes on top.",
        source="resnet_viz.memory, tensor by tensor as PyTorch's autograd keeps them",
    )


def _less_memory(at: Situation) -> Iterator[Proposal]:
    limit, asked = at.conditions.memory_bytes or 0, at.conditions

    def fits(spec: ResNetSpec, size: InputSpec) -> bool:
        return _needed(spec, size, asked) <= limit

    most = largest_batch(
        at.spec,
        at.input,
        limit,
        asked.dtype,
        training=asked.training,
        optimizer=asked.optimizer,
    )
    if 1 <= most < at.input.batch:
        yield Proposal(f"batch {most}", at.spec, replace(at.input, batch=most))
    yield from changes.largest_size(at, lambda size: fits(at.spec, size))
    yield from _deepest(at, lambda spec: fits(spec, at.input))


def _deepest(at: Situation, suits: Callable[[ResNetSpec], bool]) -> Iterator[Proposal]:
    """The most layers that suit."""
    for proposal in changes.shallower(at):
        if suits(proposal.spec):
            yield proposal
            return


def _most_macs() -> int:
    """What this app runs in one pass."""
    from resnet_viz.activations import MAX_MACS  # brings torch

    return MAX_MACS


def _picture_macs(spec: ResNetSpec, size: InputSpec) -> int:
    return totals(spec, size).macs // size.batch


def _macs(at: Situation) -> Diagnosis | None:
    macs, most = at.measures.totals.macs // at.input.batch, _most_macs()
    if macs <= most:
        return None
    return Diagnosis(
        code="macs",
        title="More arithmetic than this app runs",
        kind="arithmetic",
        path=None,
        number=macs,
        measured=f"{si(macs)} MACs, {si(most)} at most",
        reason=f"A picture of {at.size} takes {si(macs)} multiply-accumulates; this app computes "
        f"at most {si(most)} at once, about half a minute on two CPU cores.",
        source="resnet_viz.activations.MAX_MACS",
    )


def _fewer_macs(at: Situation) -> Iterator[Proposal]:
    most = _most_macs()
    yield from changes.largest_size(at, lambda size: _picture_macs(at.spec, size) <= most)
    yield from _deepest(at, lambda spec: _picture_macs(spec, at.input) <= most)


MEMORY: Final = Topic(_memory, _less_memory)
MACS: Final = Topic(_macs, _fewer_macs)
