"""Comments and blank lines, which a syntax tree does not have, carried through its rewriting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from resnet_viz.codegen.known import walk

__all__ = ["LINE_LENGTH", "formatted", "move_layout", "note_layout", "set_layout", "unparsed"]

LINE_LENGTH: Final = 100  # characters at most

_BLANK: Final = "_layout_blank"
_ABOVE: Final = "_layout_above_"
_BEHIND: Final = "_layout_behind_"
_NEGATIVE_POWER: Final = re.compile(r"\*\* \((-[\d.]+)\)")


def note_layout(tree: ast.Module, lines: list[str]) -> None:
    """Let statements know the comment above them, and whether a blank line sets them apart.

    Only sentences are kept: what else stands in comments are the shapes of one network.
    """
    for node in walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        first = node.lineno - 1
        while lines[first - 1].lstrip().startswith("#"):
            first -= 1
        above = tuple(line.strip() for line in lines[first : node.lineno - 1])
        sentence = bool(above) and above[-1].endswith(".")
        set_layout(node, above if sentence else (), apart=not lines[first - 1].strip())


def set_layout(node: ast.stmt, above: tuple[str, ...] = (), *, apart: bool = False) -> None:
    """Give a statement a comment above it, and a blank line above that."""
    written: Any = node  # a node takes any attribute
    written.above, written.apart = above, apart


def move_layout(node: ast.stmt, gone: ast.stmt) -> None:
    """Let a statement take over the comment and the distance of one that is gone."""
    above = dict.fromkeys((*_above(gone), *_above(node)))
    set_layout(node, tuple(above), apart=_apart(gone) or _apart(node))


def _above(node: ast.stmt) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(node, "above", ())
    return found


def _apart(node: ast.stmt) -> bool:
    return bool(getattr(node, "apart", False))


def unparsed(nodes: Iterable[ast.stmt], notes: Mapping[int, str]) -> str:
    """The source of some definitions, not formatted yet.

    Args:
        nodes: Classes and functions; they are changed.
        notes: What to write behind some statements, known by their ids.
    """
    marks = _Marks(notes)
    tree = ast.fix_missing_locations(ast.Module(marks.block(list(nodes)), []))
    return _with_comments(ast.unparse(tree), marks.comments)


class _Marks:
    """Statements in place of comments and blank lines, as a syntax tree can have them."""

    def __init__(self, notes: Mapping[int, str]) -> None:
        self.notes = notes
        self.comments: list[str] = []

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """A body with a mark wherever something is to be written."""
        result: list[ast.stmt] = []
        for place, node in enumerate(body):
            after_docstring = place == 1 and _is_text(body[0])
            if (
                _apart(node)
                and place
                and not (after_docstring or isinstance(node, ast.FunctionDef))
            ):
                result.append(_mark(_BLANK))
            result += [self.comment(_ABOVE, line) for line in _above(node)]
            result.append(node)
            if id(node) in self.notes:
                result.append(self.comment(_BEHIND, f"# {self.notes[id(node)]}"))
            self.inside(node)
        return result

    def comment(self, kind: str, text: str) -> ast.stmt:
        self.comments.append(text)
        return _mark(f"{kind}{len(self.comments) - 1}")

    def inside(self, node: ast.stmt) -> None:
        match node:
            case ast.If(orelse=[ast.If() as other]):  # an elif, which a mark would end
                node.body = self.block(node.body)
                self.inside(other)
            case ast.If() | ast.For():
                node.body, node.orelse = self.block(node.body), self.block(node.orelse)
            case ast.ClassDef() | ast.FunctionDef():
                node.body = self.block(node.body)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def formatted(text: str, line_length: int = LINE_LENGTH) -> str:
    """Python as black writes it."""
    import black  # takes a moment

    return black.format_str(text, mode=black.Mode(line_length=line_length))


def _mark(name: str) -> ast.stmt:
    return ast.Expr(ast.Name(name, ast.Load()))


def _with_comments(text: str, comments: list[str]) -> str:
    """The marks' lines replaced by what they stand for."""
    lines: list[str] = []
    for line in text.splitlines():
        mark = line.strip()
        if mark == _BLANK:
            lines.append("")
        elif mark.startswith(_ABOVE):
            indent = line[: len(line) - len(mark)]
            lines.append(indent + comments[int(mark.removeprefix(_ABOVE))])
        elif mark.startswith(_BEHIND):
            lines[-1] += "  " + comments[int(mark.removeprefix(_BEHIND))]
        else:
            lines.append(_NEGATIVE_POWER.sub(r"** \1", line))
    return "\n".join(lines)
