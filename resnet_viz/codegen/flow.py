"""The body of a function, its known branches, loops and names resolved.

Statements are read in the order in which they run. A name with a known value gives way to that
value; its assignment goes unless a branch or a loop may still change what the name means.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from resnet_viz.codegen.folding import Fold
from resnet_viz.codegen.known import as_test, constant, copied, elements, names_in, truth, walk
from resnet_viz.codegen.layout import move_layout, set_layout

__all__ = ["NewFold", "drop_dead_stores", "resolve", "resolved_body"]

NewFold = Callable[[Mapping[str, ast.expr]], Fold]  # from what is known of names

_Body = list[ast.stmt]
_COMPOUND: Final = (ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)


class _Known(NamedTuple):
    """What a name stands for, and the assignment that said so; None for a loop's."""

    value: ast.expr
    said: ast.stmt | None


def resolve(function: ast.FunctionDef, new_fold: NewFold) -> ast.FunctionDef:
    """Resolve a function in place, and hand it back.

    Args:
        function: What to resolve.
        new_fold: Makes the `Fold` for the names that are known at some point.
    """
    flow = _Flow(function, new_fold)
    function.body = _without(flow.block(function.body, {}), flow.superfluous) or [ast.Pass()]
    return function


def resolved_body(
    function: ast.FunctionDef,
    new_fold: NewFold,
    names: Mapping[str, ast.expr],
) -> _Body:
    """What a function's body comes to, given what is known of its parameters."""
    flow = _Flow(function, new_fold)
    known = {name: _Known(value, None) for name, value in names.items()}
    return _without(flow.block([copied(node) for node in function.body], known), flow.superfluous)


def drop_dead_stores(function: ast.FunctionDef) -> None:
    """Take away assignments to names that nothing reads, where a call is not lost by it."""
    read = set(names_in(function.body, ast.Load))
    dead = {
        id(node)
        for node in walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id not in read
        and not any(isinstance(part, ast.Call) for part in walk(node.value))
    }
    function.body = _without(function.body, dead) or [ast.Pass()]


def _without(body: _Body, gone: set[int]) -> _Body:
    """A body without some statements, known by their ids, and without what that leaves empty."""
    kept = []
    for node in body:
        if id(node) in gone:
            continue
        if isinstance(node, ast.If):
            node.body, node.orelse = _without(node.body, gone), _without(node.orelse, gone)
            if not node.body and not node.orelse:
                continue
            if not node.body:
                node.test, node.body = ast.UnaryOp(ast.Not(), node.test), node.orelse
                node.orelse = []
        elif isinstance(node, ast.For):
            node.body = _without(node.body, gone) or [ast.Pass()]
        kept.append(node)
    return kept


class _Flow:
    """One walk through a function."""

    def __init__(
        self,
        function: ast.FunctionDef,
        new_fold: NewFold,
    ) -> None:
        self.new_fold = new_fold
        self.stored = set(names_in(function.body, ast.Store))
        self.read = Counter(names_in(function.body, ast.Load))
        self.superfluous: set[int] = set()  # ids of assignments that no longer matter

    def block(self, body: _Body, known: dict[str, _Known]) -> _Body:
        """The statements that are left of a block; `known` is kept up to date."""
        result: _Body = []
        for node in body:
            for step in self.statement(node, known):
                result.append(step)
                if isinstance(step, ast.Return | ast.Raise):
                    return result
        return result

    def statement(self, node: ast.stmt, known: dict[str, _Known]) -> _Body:
        """What is left of a statement."""
        fold = self.new_fold({name: each.value for name, each in known.items()})
        match node:
            case ast.AnnAssign(value=None) | ast.Pass():
                return []
            case ast.Assign(targets=[ast.Tuple(elts=targets)]):
                return self.unpacked(node, targets, fold, known)
            case ast.Assign(targets=[ast.Name(name)]):
                return self.assigned(node, name, fold, known)
            case ast.If():
                return self.branch(node, fold, known)
            case ast.For():
                return self.loop(node, fold, known)
        if isinstance(node, _COMPOUND):
            self.settle(names_in(node), known)
            return [node]
        return self.simple(node, fold, known)

    def simple(self, node: ast.stmt, fold: Fold, known: dict[str, _Known]) -> _Body:
        """A statement that sets no name, or changes what one means."""
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            self.settle(names_in(node.target, ast.Store), known)
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and field != "annotation":
                setattr(node, field, fold.visit(value))
        match node:
            case ast.AugAssign(op=ast.Add(), value=value) if elements(value) == []:
                return []
        return [node]

    def unpacked(
        self, node: ast.Assign, targets: list[ast.expr], fold: Fold, known: dict[str, _Known]
    ) -> _Body:
        """``a, b = c, d`` as two assignments, where neither reads what the other sets."""
        node.value = fold.visit(node.value)
        parts = elements(node.value) or []
        texts = [ast.unparse(target) for target in targets]
        crossed = any(
            ast.unparse(read) in texts and ast.unparse(part) != text
            for text, part in zip(texts, parts, strict=False)
            for read in walk(part)
            if isinstance(read, ast.Name | ast.Attribute)
        )
        if len(parts) != len(targets) or crossed:
            self.settle(names_in(targets), known)
            return [node]
        result: _Body = []
        for target, part in zip(targets, parts, strict=True):
            single = ast.copy_location(ast.Assign([target], part), node)
            result += self.statement(single, known)
        return _in_place_of(node, result)

    def assigned(
        self,
        node: ast.Assign,
        name: str,
        fold: Fold,
        known: dict[str, _Known],
    ) -> _Body:
        node.value = fold.visit(node.value)
        if isinstance(node.value, ast.Name) and node.value.id == name:
            return []
        known.pop(name, None)  # a value that is never read again needs no assignment
        if self.is_settled(node.value):
            known[name] = _Known(node.value, node)
            self.superfluous.add(id(node))
        return [node]

    def is_settled(self, value: ast.expr) -> bool:
        """Whether an expression means the same wherever in the function it stands."""
        match value:
            case ast.Constant():
                return True
            case ast.Name(name):
                return name not in self.stored
            case ast.Call(func=ast.Name("partial"), args=args, keywords=keywords):
                return all(map(self.is_settled, [*args, *(each.value for each in keywords)]))
            case ast.Call(func=ast.Constant()):  # a question to the spec
                return not set(names_in(value)) & self.stored
        return False

    def settle(self, names: Iterable[str], known: dict[str, _Known]) -> None:
        """Names whose value may change here: their assignments count from now on."""
        for name in set(names):
            each = known.pop(name, None)
            if each is not None and each.said is not None:
                self.superfluous.discard(id(each.said))

    def branch(self, node: ast.If, fold: Fold, known: dict[str, _Known]) -> _Body:
        node.test = as_test(fold.visit(node.test))
        taken = truth(node.test)
        if taken is not None:
            return _in_place_of(node, self.block(node.body if taken else node.orelse, known))
        self.settle(names_in([*node.body, *node.orelse], ast.Store), known)
        node.body = self.inner(node.body, known, _assumed(node.test, True))
        node.orelse = self.inner(node.orelse, known, _assumed(node.test, False))
        return [node] if node.body or node.orelse else []

    def loop(self, node: ast.For, fold: Fold, known: dict[str, _Known]) -> _Body:
        node.iter = fold.visit(node.iter)
        rounds = elements(node.iter)
        leaves = any(isinstance(part, ast.Break | ast.Continue) for part in walk(node))
        if rounds is None or leaves or node.orelse:
            self.settle(names_in(node, ast.Store), known)
            node.body = self.inner(node.body, known, again=True) or [ast.Pass()]
            return [node]
        result: _Body = []
        for item in rounds:
            _bind(node.target, item, known)
            body = [_bare(copied(step)) for step in node.body]
            result += self.block(body, known)
        return _in_place_of(node, result)

    def inner(
        self,
        body: _Body,
        known: dict[str, _Known],
        facts: Mapping[str, ast.expr] = MappingProxyType({}),
        *,
        again: bool = False,
    ) -> _Body:
        """A block that may or may not run, or `again` and again."""
        outside = self.new_fold
        self.new_fold = lambda names: _with_facts(outside(names), facts)
        here = dict(known)
        reads_here = Counter(names_in(body, ast.Load))
        result = self.block(body, here)
        self.new_fold = outside
        set_here = set(names_in(body, ast.Store))
        self.settle(
            (name for name in set_here if again or self.read[name] > reads_here[name]),
            here,
        )
        return result


def _assumed(test: ast.expr, holds: bool) -> dict[str, ast.expr]:
    """What a branch may rely on: the kind of a module does not change."""
    match test:
        case ast.Call(func=ast.Name("isinstance")):
            return {ast.unparse(test): constant(holds)}
    return {}


def _with_facts(fold: Fold, facts: Mapping[str, ast.expr]) -> Fold:
    fold.facts = {**fold.facts, **facts}
    return fold


def _bind(target: ast.expr, item: ast.expr, known: dict[str, _Known]) -> None:
    """What the names of a loop stand for in one round."""
    if isinstance(target, ast.Name):
        known[target.id] = _Known(item, None)
    elif isinstance(target, ast.Tuple):
        for part, value in zip(target.elts, elements(item) or (), strict=True):
            _bind(part, value, known)


def _in_place_of(node: ast.stmt, body: _Body) -> _Body:
    """Statements that stand where another stood: the first has its comment and distance."""
    if body:
        move_layout(body[0], node)
    return body


def _bare(node: ast.stmt) -> ast.stmt:
    """A statement without its comment, which was about all rounds of a loop."""
    set_layout(node)
    return node
