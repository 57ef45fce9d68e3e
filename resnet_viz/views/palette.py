"""The colours of everything: one hue per stage, in graphs, tables and charts alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = [
    "Theme",
    "contrast",
    "mix",
    "stage_colour",
    "stage_outline",
    "stage_tint",
    "text_on",
    "theme",
]

# Okabe and Ito's colour-blind-safe set (jfly.uni-koeln.de/color), the yellow darkened and the
# black replaced so that each is seen on white and on near-black.
_STAGES: Final = (
    "#0072B2",  # blue
    "#009E73",  # bluish green
    "#D55E00",  # vermilion
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#E69F00",  # orange
    "#A89A00",  # yellow, darkened
    "#8A7FD6",  # violet, for black
)
_NEUTRAL: Final = "#7A7F87"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours that a light or dark page asks for.

    Attributes:
        paper: Behind everything.
        ink: Text and shapes.
        faint: Lines and text of the second rank.
        badge: Fill of a downsample badge.
        badge_edge: Its outline.
    """

    paper: str
    ink: str
    faint: str
    badge: str
    badge_edge: str


_LIGHT: Final = Theme("#FFFFFF", "#1B1F24", "#59616B", "#FFF1C9", "#9A6B00")
_DARK: Final = Theme("#0E1117", "#F2F4F7", "#A9B1BC", "#463708", "#E8BF4D")


def theme(dark: bool) -> Theme:
    """The colours of the dark or the light theme."""
    return _DARK if dark else _LIGHT


def stage_colour(stage: str) -> str:
    """The hue of ``layer1`` … ``layer8``; grey for stem, head and anything else."""
    number = stage.removeprefix("layer")
    if number == stage or not number.isdigit():
        return _NEUTRAL
    return _STAGES[(int(number) - 1) % len(_STAGES)]


@lru_cache(maxsize=64)
def stage_outline(stage: str, dark: bool) -> str:
    """A stage's hue, as much nearer to the ink as a line needs to be seen on the page.

    Three to one is the least contrast of graphics (WCAG 2.2, 1.4.11).
    """
    page, hue = theme(dark), stage_colour(stage)
    steps = (mix(hue, page.ink, 1 - step / 20) for step in range(21))
    return next(colour for colour in steps if contrast(colour, page.paper) >= 3)


def contrast(colour: str, other: str) -> float:
    """The contrast of two ``#RRGGBB`` colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(colour), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def stage_tint(stage: str, dark: bool, strength: float = 0.12) -> str:
    """A stage's hue, faint upon the page: a background on which text stays readable."""
    return mix(stage_colour(stage), theme(dark).paper, strength)


def text_on(colour: str) -> str:
    """Black or white, whichever is seen better upon a ``#RRGGBB`` colour (WCAG 2.2, contrast)."""
    # Black and white have equal contrast with a luminance l where (l + 0.05)² = 1.05 * 0.05.
    return "#000000" if _luminance(colour) > (1.05 * 0.05) ** 0.5 - 0.05 else "#FFFFFF"


def _luminance(colour: str) -> float:
    """The relative luminance of a ``#RRGGBB`` colour, 0 to 1 (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def mix(colour: str, other: str, share: float) -> str:
    """`share` of one ``#RRGGBB`` colour and the rest of another."""
    parts = (
        round(int(colour[i : i + 2], 16) * share + int(other[i : i + 2], 16) * (1 - share))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in parts)
