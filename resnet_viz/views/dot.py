"""The network as a Graphviz drawing: stages, blocks or operations, one row a stage.

Every node's id is the path it stands for. Solid arrows are the main path; dashed ones the
shortcuts into the additions; a hexagon on a shortcut is a downsample point with its reason.
"""

from __future__ import annotations

import graphviz

from resnet_viz.errors import SpecError
from resnet_viz.records import Profile
from resnet_viz.views.blocks_drawing import draw_blocks
from resnet_viz.views.operations_drawing import draw_operations
from resnet_viz.views.palette import theme
from resnet_viz.views.stages_drawing import draw_stages

__all__ = ["LEVELS", "draw"]

_DRAW = {"stage": draw_stages, "block": draw_blocks, "op": draw_operations}
LEVELS = tuple(_DRAW)


def draw(report: Profile, level: str = "block", dark: bool = False) -> graphviz.Digraph:
    """A profile's network as a digraph; ``.source`` is the DOT text.

    Args:
        report: What to draw.
        level: ``"stage"``, ``"block"`` (long runs of equal blocks folded into one node) or
            ``"op"`` (every operation).
        dark: Colours for a dark page.

    Raises:
        SpecError: There is no such level.
    """
    if level not in _DRAW:
        raise SpecError(f"level must be one of {', '.join(LEVELS)}, not {str(level)[:40]!r}.")
    return _DRAW[level](report, theme(dark), dark)
