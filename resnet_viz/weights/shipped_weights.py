"""The trained weights that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

__all__ = ["pattern_weights_path"]


def pattern_weights_path() -> Path:
    """The safetensors file (1.1 MB) with the trained weights of `drawn_patterns.SPEC`.

    Its metadata names the classes and states the accuracy; ``scripts/train_patterns.py``
    writes it.
    """
    return Path(str(resources.files("resnet_viz.weights") / "data" / "patterns.safetensors"))
