"""The network as a Graphviz drawing, its stages and blocks open or closed as one likes.

Every node's id is the path it stands for. Solid arrows are the main path; dashed ones the
shortcuts into the additions; a hexagon on a shortcut is a downsample point with its reason.
"""

from __future__ import annotations

import graphviz

from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import SpecError
from resnet_viz.views.graph.open_parts import DEFAULT_OPENING, LEVELS, Opening, parts
from resnet_viz.views.graph.part_drawing import draw_parts
from resnet_viz.views.row_groups import COSTS

__all__ = ["COSTS", "LEVELS", "draw"]


def draw(
    report: Profile,
    opening: Opening | str = DEFAULT_OPENING,
    *,
    dark: bool = False,
    cost: str = "macs",
    column: bool = False,
) -> graphviz.Digraph:
    """A profile's network as a digraph; ``.source`` is the DOT text.

    Args:
        report: What to draw.
        opening: What is open; or a level alone, one of `LEVELS`.
        dark: Colours for a dark page.
        cost: What the bars in the nodes show: a key of `COSTS`.
        column: One column from top to bottom, for a narrow page.

    Raises:
        SpecError: There is no such level or cost.
        BudgetError: It would be more nodes than a browser draws well.
    """
    if cost not in COSTS:
        raise SpecError(f"cost must be one of {', '.join(COSTS)}, not {str(cost)[:40]!r}.")
    if isinstance(opening, str):
        opening = Opening(opening)
    return draw_parts(report, parts(report, opening), dark, cost, column)
