"""What the panels of the page Input size work on."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_viz.costs.profile_records import Profile
from resnet_viz.ui.state.choice import Choice
from resnet_viz.ui.state.input_size_options import Lab

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    """One state of the page.

    Attributes:
        choice: The visitor's choice.
        report: The chosen network at the chosen input.
        reference: What it is compared with.
        lab: What is looked at, and how.
        dark: Whether the page is dark.
    """

    choice: Choice
    report: Profile
    reference: Profile
    lab: Lab
    dark: bool
