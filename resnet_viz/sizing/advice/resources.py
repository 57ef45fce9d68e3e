"""Where a network at an input takes more memory or arithmetic than there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from resnet_viz.costs.memory_use import largest_batch, memory
from resnet_viz.costs.profile_records import Totals
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.costs.total_costs import totals
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.sizing.advice import candidate_fixes
from resnet_viz.sizing.advice.advice_records import Conditions, Diagnosis
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic
from resnet_viz.units import gib_text, gib_texts, si

__all__ = ["MACS", "MEMORY", "memory_bound", "needed_bytes"]


def memory_bound(costs: Totals, input: InputSpec, dtype: str = "float32") -> int:  # noqa: A002
    """More bytes than `memory_use.memory` can come to, for a first look without a trace.

    Args:
        costs: Of one picture.
        input: The input, with its batch.
        dtype: The type of weights and activations.

    Parameters with gradients and at most three optimizer's sets of numbers; what is kept for the
    backward pass, the gradients that flow, and the places of maxima, int64: each at most all
    outputs and the input, the last twice that.
    """
    picture = (input.channels or 0) * input.height * input.width
    outputs = costs.activation_bytes // DTYPE_BYTES["float32"]
    values = 5 * costs.params + 4 * input.batch * (outputs + picture)
    # Statistics and their counters; what the loss keeps.
    values += 4 * costs.buffers + 8 * input.batch + 8
    return values * max(DTYPE_BYTES["float32"], DTYPE_BYTES[dtype])


def needed_bytes(spec: ResNetSpec, size: InputSpec, conditions: Conditions) -> int:
    """Bytes at the peak of memory, under the conditions asked for."""
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
    needed = needed_bytes(at.spec, at.input, asked)
    if needed <= limit:
        return None
    work = "A step of training" if asked.training else "A pass"
    batch = f"batch {at.input.batch} of {at.size}"
    free, taken = gib_texts(limit, needed)
    return Diagnosis(
        code="memory",
        title="More memory than there is",
        kind="arithmetic",
        path=None,
        number=needed,
        measured=f"{free} GiB free, {taken} GiB needed",
        reason=f"{work} with {batch} in {asked.dtype} takes {taken} GiB at its peak, and {free} "
        "GiB are free; what the allocator wastes comes on top.",
        source="resnet_viz.costs.memory_use, tensor by tensor as PyTorch's autograd keeps them",
    )


def _less_memory(at: Situation) -> Iterator[Proposal]:
    limit, asked = at.conditions.memory_bytes or 0, at.conditions

    def fits(spec: ResNetSpec, size: InputSpec) -> bool:
        return needed_bytes(spec, size, asked) <= limit

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
    yield from candidate_fixes.largest_size(at, lambda size: fits(at.spec, size))
    yield from _deepest(at, lambda spec: fits(spec, at.input))
    if not most:
        yield from _at_batch_one(at, lambda size: fits(at.spec, size))
        yield from list(candidate_fixes.shallower(at))[-1:]


def _at_batch_one(at: Situation, suits: Callable[[InputSpec], bool]) -> Iterator[Proposal]:
    """A single picture, as large as it can be, or as it is."""
    one = replace(at, input=replace(at.input, batch=1))
    for label, spec, size in candidate_fixes.largest_size(one, suits):
        yield Proposal(f"batch 1 of {label}", spec, size)
    yield Proposal("batch 1", at.spec, one.input)


def _more_free(at: Situation) -> str:
    needed = needed_bytes(at.spec, at.input, at.conditions)
    return f"free at least {gib_text(needed)} GiB"


def _deepest(at: Situation, suits: Callable[[ResNetSpec], bool]) -> Iterator[Proposal]:
    """The most layers that suit."""
    for proposal in candidate_fixes.shallower(at):
        if suits(proposal.spec):
            yield proposal
            return


def _most_macs() -> int:
    """What this app runs in one pass."""
    from resnet_viz.costs.compute_limits import MAX_MACS

    return MAX_MACS


def _picture_macs(spec: ResNetSpec, size: InputSpec) -> int:
    return totals(spec, size).macs // size.batch


def _macs(at: Situation) -> Diagnosis | None:
    macs, most = at.measures.totals.macs, _most_macs()
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
        source="resnet_viz.costs.compute_limits.MAX_MACS",
    )


def _fewer_macs(at: Situation) -> Iterator[Proposal]:
    most = _most_macs()
    yield from candidate_fixes.largest_size(at, lambda size: _picture_macs(at.spec, size) <= most)
    yield from _deepest(at, lambda spec: _picture_macs(spec, at.input) <= most)


def _pieces(at: Situation) -> str:
    return f"cut the {at.size} pixels into pieces of at most {si(_most_macs())} MACs"


MEMORY: Final = Topic(_memory, _less_memory, _more_free)
MACS: Final = Topic(_macs, _fewer_macs, _pieces)
