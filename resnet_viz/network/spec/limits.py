"""Limits of the fields of a network and of its input."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_BATCH",
    "MAX_BLOCKS_PER_STAGE",
    "MAX_CHANNELS",
    "MAX_CLASSES",
    "MAX_SIDE",
    "MAX_STAGES",
]

MAX_STAGES: Final = 8
MAX_BLOCKS_PER_STAGE: Final = 500
MAX_CHANNELS: Final = 1024
MAX_SIDE: Final = 16_384
MAX_CLASSES: Final = 100_000
MAX_BATCH: Final = 4_096
