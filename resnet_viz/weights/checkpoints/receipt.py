"""What became of each tensor when a checkpoint was brought to a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from resnet_viz.network.spec import ResNetSpec

__all__ = ["COUNTER", "FATES", "Entry", "Fate", "Receipt"]

Fate = Literal["kept", "adapted", "fresh", "left out"]
FATES: Final[tuple[Fate, ...]] = get_args(Fate)

_WORDS: Final[Mapping[Fate, str]] = MappingProxyType(
    {"adapted": "adapted", "fresh": "initialised anew", "left out": "left out"}
)

# A batch norm's counter of batches: old files lack it, and a trained network makes no use of it.
COUNTER: Final = ".num_batches_tracked"


@dataclass(frozen=True)
class Entry:
    """One tensor.

    Attributes:
        key: In the network; in the checkpoint, if it was left out.
        fate: ``kept``, ``adapted`` to another shape, ``fresh`` from a seed, or ``left out``.
        why: A few words; empty where it was kept as it stands.
        shape: In the network, or in the checkpoint.
    """

    key: str
    fate: Fate
    why: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Receipt:
    """What became of all tensors, of the network and of the checkpoint.

    Attributes:
        origin: Where the values come from: a source's name, or a file's.
        entries: The network's tensors in its order, then what was left out.
        notes: Sentences on the file as a whole, and on values that are not finite.
        found: The network that the checkpoint was recognised as; None of random weights.
    """

    origin: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    found: ResNetSpec | None = None

    @property
    def counts(self) -> Mapping[Fate, int]:
        """Tensors by fate, without counters of batches that the checkpoint lacks."""
        counted = Counter(
            entry.fate
            for entry in self.entries
            if entry.fate != "fresh" or not entry.key.endswith(COUNTER)
        )
        return {fate: counted[fate] for fate in FATES}

    @property
    def summary(self) -> str:
        """One line, such as ``318 of 320 tensors kept, 1 adapted, 1 initialised anew``."""
        counts = self.counts
        total = sum(counts.values()) - counts["left out"]
        parts = [f"{counts['kept']} of {total} tensors kept"]
        parts += [f"{counts[fate]} {_WORDS[fate]}" for fate in FATES[1:] if counts[fate]]
        return ", ".join(parts)
