"""What is known of an expression: its value, whether it counts as true, what it holds.

A known value is an `ast.Constant`, whatever its type: the `ResNetSpec` itself is one, and so are
its methods, until what is asked of them has been computed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, Final, TypeVar

__all__ = [
    "as_test",
    "constant",
    "copied",
    "elements",
    "is_literal",
    "names_in",
    "truth",
    "value_of",
    "walk",
]

_Node = TypeVar("_Node", bound=ast.AST)
_LITERALS: Final = (bool, int, float, str, type(None))


def constant(value: object) -> ast.Constant:
    """A known value, of whatever type."""
    return ast.Constant(value)  # type: ignore[arg-type]


def value_of(node: ast.expr) -> Any:
    """The value of a constant."""
    return node.value  # type: ignore[attr-defined]


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, each before those below it; quicker than `ast.walk`."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        below: list[ast.AST] = []
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                below += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and name != "ctx":
                below.append(value)
        below.reverse()
        waiting += below


def copied(node: _Node) -> _Node:
    """A copy of a piece of code; its constants may be of any type, and are shared."""
    values = (part.value for part in walk(node) if isinstance(part, ast.Constant))
    return deepcopy(node, {id(value): value for value in values})


def is_literal(value: object) -> bool:
    """Whether a value can be written as it stands in a file."""
    if isinstance(value, tuple):
        return all(map(is_literal, value))
    return isinstance(value, _LITERALS)


def truth(node: ast.expr) -> bool | None:
    """Whether an expression counts as true; None where that is not known."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Tuple | ast.List) and not _starred(node.elts):
        return bool(node.elts)
    return None


def as_test(node: ast.expr) -> ast.expr:
    """The shortest expression that counts as true whenever another does."""
    match node:
        case ast.BinOp(left, ast.Add(), right) if _is_choice(left) and _is_choice(right):
            # A sum of sequences is empty where all are.
            return ast.BoolOp(ast.Or(), [as_test(left), as_test(right)])
        case ast.IfExp(test, body, orelse) if truth(body) is True and truth(orelse) is False:
            return as_test(test)
        case ast.UnaryOp(ast.Not(), operand):
            return ast.UnaryOp(ast.Not(), as_test(operand))
        case ast.BoolOp(op, values):
            neutral = isinstance(op, ast.And)
            parts = [part for part in map(as_test, values) if truth(part) is not neutral]
            return ast.BoolOp(op, parts) if len(parts) > 1 else (*parts, constant(neutral))[0]
    return node


def _is_choice(node: ast.expr) -> bool:
    """Whether it is one of two sequences of known lengths."""
    match node:
        case ast.IfExp(_, body, orelse):
            return all(
                isinstance(part, ast.Tuple) or isinstance(getattr(part, "value", None), tuple)
                for part in (body, orelse)
            )
    return False


def elements(node: ast.expr) -> list[ast.expr] | None:
    """What an iteration over an expression gives; None where that is not known."""
    known = value_of(node) if isinstance(node, ast.Constant) else None
    if isinstance(known, tuple | range):
        return [constant(value) for value in known]
    if isinstance(node, ast.Tuple | ast.List) and not _starred(node.elts):
        return node.elts
    return None


def names_in(node: ast.AST | Iterable[ast.AST], *kinds: type[ast.expr_context]) -> Iterator[str]:
    """Every name in a piece of code, or in several, that is loaded or stored as `kinds` say."""
    for root in [node] if isinstance(node, ast.AST) else node:
        for part in walk(root):
            if isinstance(part, ast.Name) and isinstance(part.ctx, kinds or ast.expr_context):
                yield part.id


def _starred(nodes: Iterable[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)
