"""Expressions with their known parts computed, as a compiler folds constants."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from resnet_viz.codegen.known import (
    as_test,
    constant,
    copied,
    elements,
    names_in,
    truth,
    value_of,
)

__all__ = ["Fold"]

_BINARY: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.LShift: operator.lshift,
        ast.RShift: operator.rshift,
    }
)
_COMPARED: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Is: operator.is_,
        ast.IsNot: operator.is_not,
        ast.In: lambda item, group: item in group,
        ast.NotIn: lambda item, group: item not in group,
    }
)
# Those that give an iterator are read to its end: a constant must not be used up.
_BUILTINS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "enumerate": lambda *args, **options: tuple(enumerate(*args, **options)),
        "int": int,
        "len": len,
        "list": tuple,
        "max": max,
        "min": min,
        "range": range,
        "set": frozenset,
        "sum": sum,
        "tuple": tuple,
        "zip": lambda *args, strict=False: tuple(zip(*args, strict=strict)),
    }
)


class Fold(ast.NodeTransformer):
    """Puts values in place of names, and computes what is then known.

    Args:
        names: What is known of the names in scope.
        facts: What is known of other expressions, by their text, such as ``self.spec``.
        open_attributes: Attributes of known values that are left as they stand.
    """

    def __init__(
        self,
        names: Mapping[str, ast.expr],
        facts: Mapping[str, ast.expr] = MappingProxyType({}),
        open_attributes: frozenset[str] = frozenset(),
    ) -> None:
        self.names = dict(names)
        self.facts = facts
        self.open_attributes = open_attributes

    def __call__(self, node: ast.expr) -> ast.expr:
        """A copy of an expression, its known parts computed."""
        result: ast.expr = self.visit(copied(node))
        return result

    def visit(self, node: ast.AST) -> Any:
        """Fold a piece of code in place, and hand back what stands there now."""
        handle = getattr(self, f"_{type(node).__name__.lower()}", self.generic_visit)
        return handle(node)

    def _fact(self, node: ast.expr) -> ast.expr:
        known = self.facts.get(ast.unparse(node))
        return node if known is None else copied(known)

    def _name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.names:
            return copied(self.names[node.id])
        return node

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        node.value = self.visit(node.value)
        if not isinstance(node.ctx, ast.Load):
            return node
        if isinstance(node.value, ast.Constant):
            left_open = node.attr in self.open_attributes
            return node if left_open else constant(getattr(node.value.value, node.attr))
        return self._fact(node) if isinstance(node.value, ast.Name) else node

    def _tuple(self, node: ast.Tuple) -> ast.expr:
        node.elts = self._listed(node.elts)
        if isinstance(node.ctx, ast.Load) and _known(node.elts):
            return constant(tuple(value_of(each) for each in node.elts))
        return node

    def _list(self, node: ast.List) -> ast.expr:
        node.elts = self._listed(node.elts)
        return node

    def _listed(self, nodes: Iterable[ast.expr]) -> list[ast.expr]:
        """Elements of a display or arguments of a call, known sequences with a star spread."""
        result: list[ast.expr] = []
        for node in map(self.visit, nodes):
            spread = elements(node.value) if isinstance(node, ast.Starred) else None
            result += [node] if spread is None else spread
        return result

    def _subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.value, ast.Constant) or not isinstance(node.ctx, ast.Load):
            return node
        match node.slice:
            case ast.Constant(index):
                return constant(node.value.value[index])  # type: ignore[index]
            case ast.Slice(lower, upper, step):
                parts = [lower, upper, step]
                if all(part is None or isinstance(part, ast.Constant) for part in parts):
                    bounds = slice(*(None if part is None else value_of(part) for part in parts))
                    return constant(node.value.value[bounds])  # type: ignore[index]
        return node

    def _binop(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        compute = _BINARY.get(type(node.op))
        if compute and _known((node.left, node.right)):
            return constant(compute(value_of(node.left), value_of(node.right)))
        if isinstance(node.op, ast.Add):
            if elements(node.left) == []:
                return node.right
            if elements(node.right) == []:
                return node.left
        if isinstance(node.op, ast.Mult):
            if _is_one(node.left):
                return node.right
            if _is_one(node.right):
                return node.left
        return node

    def _unaryop(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        known = truth(node.operand) if isinstance(node.op, ast.Not) else None
        return node if known is None else constant(not known)

    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)  # the truth that ends the evaluation
        kept: list[ast.expr] = []
        for place, part in enumerate(node.values):
            last = place == len(node.values) - 1
            known = truth(part)
            if known is not (not decides) or last:
                kept += [] if kept and ast.dump(kept[-1]) == ast.dump(part) else [part]
            if known is decides:
                break
        return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)

    def _compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) > 1:
            return node
        left, right, compute = node.left, node.comparators[0], _COMPARED[type(node.ops[0])]
        if _known((left, right)):
            return constant(compute(value_of(left), value_of(right)))
        if isinstance(node.ops[0], ast.NotEq | ast.Eq) and ast.dump(left) == ast.dump(right):
            return constant(isinstance(node.ops[0], ast.Eq))
        return self._fact(node)

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        node.test = as_test(self.visit(node.test))
        known = truth(node.test)
        if known is not None:
            chosen: ast.expr = self.visit(node.body if known else node.orelse)
            return chosen
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def _joinedstr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        parts = [
            each.value if isinstance(each, ast.FormattedValue) else each for each in node.values
        ]
        return constant("".join(str(value_of(each)) for each in parts)) if _known(parts) else node

    def _listcomp(self, node: ast.ListComp) -> ast.expr:
        loop = node.generators[0]
        loop.iter = self.visit(loop.iter)
        outer = self.names
        hidden = set(names_in([each.target for each in node.generators]))
        self.names = {name: value for name, value in outer.items() if name not in hidden}
        node.elt = self.visit(node.elt)
        for other in node.generators[1:]:
            self.visit(other)
        self.names = outer
        rounds = elements(loop.iter)
        simple = len(node.generators) == 1 and not loop.ifs and not hidden & set(names_in(node.elt))
        if rounds is not None and len(rounds) <= 1 and simple:
            return ast.List([node.elt] * len(rounds), ast.Load())
        return node

    def _call(self, node: ast.Call) -> ast.expr:
        node.func = self.visit(node.func)
        node.args = self._listed(node.args)
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        match node.func:
            case ast.Call(func=ast.Name("partial"), args=[func, *first], keywords=given):
                own = {keyword.arg for keyword in node.keywords}
                earlier = [keyword for keyword in given if keyword.arg not in own]
                return ast.Call(func, [*first, *node.args], [*node.keywords, *earlier])
            case ast.Name("getattr") if len(node.args) == 2 and _is_identifier(node.args[1]):
                return ast.Attribute(node.args[0], str(value_of(node.args[1])), ast.Load())
            case ast.Name("isinstance"):
                return self._fact(node)
            case ast.Name(name) if name in _BUILTINS and _known(values):
                return _called(_BUILTINS[name], node)
            case ast.Constant() if callable(value_of(node.func)) and _known(values):
                return _called(value_of(node.func), node)
        return node


def _called(function: Callable[..., Any], node: ast.Call) -> ast.expr:
    options = {str(keyword.arg): value_of(keyword.value) for keyword in node.keywords}
    return constant(function(*map(value_of, node.args), **options))


def _known(nodes: Iterable[ast.expr]) -> bool:
    return all(isinstance(node, ast.Constant) for node in nodes)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == 1


def _is_identifier(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).isidentifier()
