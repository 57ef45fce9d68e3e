"""Which stages, runs of equal blocks and blocks are open, and so what there is to draw.

A stage opens into its blocks; a block, the stem and the head into their operations. The blocks
of a long stage after its first are all alike: they fold into one part, "× 35".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import BudgetError, SpecError
from resnet_viz.views.row_groups import Group, blocks, stages

__all__ = ["DEFAULT_OPENING", "LEVELS", "MAX_NODES", "Opening", "Part", "parts", "shown_as"]

LEVELS: Final = ("stage", "block", "op")

MAX_NODES: Final = 3_000
"""The most that one drawing may have: a browser still pans it smoothly."""

_ROW: Final = 6  # a stage of more blocks than fit a row is folded
_SHEET: Final = 40  # blocks that one click unfolds at most; longer runs open into shorter ones
_MOST_TOGGLED: Final = 100  # links have an end
_ALL_OPEN: Final = 1_000  # operations up to which the level "op" unfolds runs too
_KEY: Final = re.compile(r"stem|head|layer[1-8](\.\d{1,4}(-\d{1,4})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opening:
    """A level, and what was opened or closed by hand since.

    Attributes:
        level: ``stage`` (nothing is open), ``block`` (stages are) or ``op`` (everything is).
        toggled: Keys of the parts that are not as their level has them: ``layer1``,
            ``layer1.0``, ``layer3.1-35`` for a run.
    """

    level: str = "block"
    toggled: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise SpecError(
                f"level must be one of {', '.join(LEVELS)}, not {str(self.level)[:40]!r}."
            )
        if len(self.toggled) > _MOST_TOGGLED:
            raise SpecError(
                f"At most {_MOST_TOGGLED} parts can be opened or closed by hand; choose a level."
            )
        for key in self.toggled:
            if not _KEY.fullmatch(key):
                raise SpecError(
                    f"What is open is written like layer1,layer2.0,layer3.1-35, not {key[:40]!r}."
                )

    @classmethod
    def parse(cls, level: str, toggled: str) -> Opening:
        """From the words of a link or a command line; `toggled` is separated by commas.

        Raises:
            SpecError: They are none.
        """
        return cls(level, frozenset(key.strip() for key in toggled.split(",") if key.strip()))

    @property
    def text(self) -> str:
        """What is toggled, as `parse` reads it."""
        return ",".join(sorted(self.toggled, key=_in_order))

    def toggle(self, key: str) -> Opening:
        """With one part opened or closed."""
        return replace(self, toggled=self.toggled ^ {key})

    def within(self, report: Profile) -> Opening:
        """Without what this network does not have."""
        known = frozenset(_keys(report))
        return replace(self, toggled=self.toggled & known)


DEFAULT_OPENING: Final = Opening()
"""The stages are open, and nothing else."""


def _in_order(key: str) -> tuple[str, list[int]]:
    stage, *numbers = re.split(r"[.-]", key)
    return stage, [int(number) for number in numbers]


@dataclass(frozen=True, slots=True)
class Part:
    """Something drawn as one node if it is closed, and as what it consists of if open.

    Attributes:
        group: Its operations.
        kind: ``stage``, ``run`` (of equal blocks) or ``block``.
        key: What opens and closes it.
        is_open: Whether it is.
        parts: Of an open stage, its blocks and closed runs; an open run is not among them, its
            blocks are. Empty in stem and head.
        within: The innermost open run that begins with this part.
    """

    group: Group
    kind: Literal["stage", "run", "block"]
    key: str
    is_open: bool
    parts: tuple[Part, ...] = ()
    within: str | None = None

    @property
    def path(self) -> str:
        """The path that its node stands for."""
        return self.group.path

    @property
    def nodes(self) -> int:
        """How many nodes its drawing has."""
        point, rows = self.group.downsample, self.group.layers
        # Zero padding is one operation, which bears the badge itself.
        itself = self.is_open and any(point is not None and row.path == point.path for row in rows)
        badge = point is not None and not itself
        if not self.is_open:
            return (1 if self.kind == "stage" else 2) + badge
        if self.parts:
            return 1 + sum(part.nodes for part in self.parts)
        return 1 + len(rows) + badge


def parts(report: Profile, opening: Opening) -> tuple[Part, ...]:
    """Stem, stages and head, each open or closed.

    Raises:
        BudgetError: It would be more than `MAX_NODES` nodes.
    """
    found = tuple(_stage(report, group, opening) for group in stages(report))
    count = sum(part.nodes for part in found)
    if count > MAX_NODES:
        raise BudgetError(
            f"This view would have {count:,} nodes, and at most {MAX_NODES:,} are drawn; "
            "close some parts, or choose another level."
        )
    return found


def _stage(report: Profile, group: Group, opening: Opening) -> Part:
    usual = opening.level == "op" or (opening.level == "block" and group.count > 0)
    is_open = usual != (group.path in opening.toggled)
    inside: tuple[Part, ...] = ()
    if is_open and group.count:
        members = blocks(report, group)
        unfold = opening.level == "op" and len(report.layers) <= _ALL_OPEN
        if len(members) <= _ROW:
            inside = tuple(_block(member, opening) for member in members)
        else:
            rest = _run(members[1:], opening, unfold)
            inside = (_block(members[0], opening), *rest)
    return Part(group, "stage", group.path, is_open, inside)


def _block(group: Group, opening: Opening) -> Part:
    return Part(
        group, "block", group.path, (opening.level == "op") != (group.path in opening.toggled)
    )


def _run(members: tuple[Group, ...], opening: Opening, unfold: bool) -> tuple[Part, ...]:
    """Equal blocks as one part or, unfolded, as blocks and shorter runs."""
    if len(members) == 1:
        return (_block(members[0], opening),)
    key = _run_key(members)
    if unfold == (key in opening.toggled):
        first = members[0]
        layers = tuple(layer for member in members for layer in member.layers)
        return (Part(Group(first.path, layers, None, len(members)), "run", key, False),)
    if len(members) <= _SHEET:
        first_part, *rest = (_block(member, opening) for member in members)
    else:
        sheets = [members[i : i + _SHEET] for i in range(0, len(members), _SHEET)]
        first_part, *rest = (part for sheet in sheets for part in _run(sheet, opening, unfold))
    return (replace(first_part, within=first_part.within or key), *rest)


def _run_key(members: tuple[Group, ...]) -> str:
    return f"{members[0].path}-{members[-1].path.split('.')[1]}"


def _keys(report: Profile) -> Iterator[str]:
    """Everything that can be opened or closed."""
    for stage in stages(report):
        yield stage.path
        members = blocks(report, stage)
        yield from (member.path for member in members)
        if len(members) > _ROW:
            rest = members[1:]
            yield _run_key(rest)
            yield from (_run_key(rest[i : i + _SHEET]) for i in range(0, len(rest), _SHEET))


def shown_as(found: Iterable[Part], path: str) -> str:
    """The path of the drawn node that stands for `path`: its own, or what it is inside of."""
    for stage in found:
        inside = {layer.path: layer for layer in stage.group.layers}
        if path == stage.path:
            return path
        for part in stage.parts:
            rows = part.group.layers
            if path not in {name for row in rows for name in (row.path, row.block)} and not (
                part.group.downsample and path == part.group.downsample.path
            ):
                continue
            drawn = part.is_open or path in (part.path, part.group.add)
            point = part.group.downsample
            return path if drawn or (point and path == point.path) else part.path
        if path in inside or any(name.startswith(f"{path}.") for name in inside):
            point = stage.group.downsample
            is_badge = point is not None and path == point.path
            return path if (stage.is_open and path in inside) or is_badge else stage.path
    return path
