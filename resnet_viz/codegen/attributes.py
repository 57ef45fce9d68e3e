"""What a class's attributes are known to be, and which of them nothing reads."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator

from resnet_viz.codegen.flow import NewFold, resolved_body
from resnet_viz.codegen.known import constant, walk
from resnet_viz.codegen.program import ENTRY, Function, Program, bind

__all__ = ["drop_unread", "facts_of", "lists_of", "registered", "runs", "writes_to"]

_Folds = Callable[[Function], NewFold]


def facts_of(program: Program, owner: str) -> dict[str, ast.expr]:
    """By their text, expressions on ``self`` that have one value in all instances of a class."""
    facts: dict[str, ast.expr] = {
        f"self.{name}": node.value
        for name, node in _class_constants(program.classes[owner])
        if isinstance(node.value, ast.Constant)
    }
    methods = [function.node for function in program.functions(owner)]
    stores = Counter(
        node.attr
        for method in methods
        for node in walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    for function in program.functions(owner):
        for node in function.node.body if function.is_constructor else ():
            for name, value in _set_on_self(node):
                if stores[name] > 1:
                    continue
                if isinstance(value, ast.Constant):
                    facts[f"self.{name}"] = value
                elif isinstance(value, ast.Call):  # of a module's class
                    facts[f"self.{name} is None"] = constant(False)
                    facts[f"self.{name} is not None"] = constant(True)
    return facts


def _class_constants(node: ast.ClassDef) -> Iterator[tuple[str, ast.Assign]]:
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(name)]):
                yield name, part


def _set_on_self(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The attribute that a statement sets, and its value."""
    match node:
        case ast.Assign(targets=[ast.Attribute(ast.Name("self"), name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Attribute(ast.Name("self"), name), value=ast.expr() as value):
            yield name, value


def _written_to(node: ast.AST) -> str | None:
    """The attribute that a statement appends to, or sets an item of."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(ast.Name("self"), name), "append"))):
            return name
        case ast.Assign(targets=[ast.Subscript(ast.Attribute(ast.Name("self"), name))]):
            return name
    return None


def runs(
    program: Program, constructor: Function, new_fold: _Folds
) -> Iterator[tuple[ast.stmt, Function | None, list[ast.stmt]]]:
    """The statements of a constructor; of each that calls a helper, what the helper then does."""
    for node in constructor.node.body:
        match node:
            case (
                ast.Expr(ast.Call(ast.Attribute(ast.Name("self"), name)) as call)
                | ast.Assign(value=ast.Call(ast.Attribute(ast.Name("self"), name)) as call)
            ) if any(each.node.name == name for each in program.functions(constructor.owner)):
                helper = program.function(constructor.owner, name)
                given = bind(helper, call)
                body = resolved_body(helper.node, new_fold(helper), given or {})
                yield node, helper, body
            case _:
                yield node, None, [node]


def lists_of(program: Program, new_fold: _Folds) -> dict[str, ast.expr]:
    """The network's attributes that are lists, as they are once it has been built."""
    if not any(map(writes_to, program.functions(ENTRY))):
        return {}
    constructor = program.function(ENTRY, "__init__")
    steps = list(runs(program, constructor, new_fold))
    found: dict[str, list[object]] = {}
    unclear: set[str] = set()
    sites = program.all_sites()
    for helper in program.functions(ENTRY):
        seen = sum(called is not None and called.node is helper.node for _, called, _ in steps)
        if helper.node is not constructor.node and seen != len(sites[helper.node] or ()):
            unclear |= writes_to(helper)  # it also runs where this cannot follow
    for _, _, body in steps:
        for node in body:
            for name, value in _set_on_self(node):
                if isinstance(value, ast.List) and not value.elts:
                    found[name] = []
            match node:
                case ast.Expr(
                    ast.Call(
                        ast.Attribute(ast.Attribute(ast.Name("self"), name), "append"),
                        [ast.Constant(item)],
                    )
                ):
                    found.get(name, []).append(item)
                case _:
                    unclear |= _writes(node)
    lists = {f"self.{name}": constant(tuple(items)) for name, items in found.items()}
    return {text: value for text, value in lists.items() if text not in unclear}


def registered(body: list[ast.stmt]) -> str | None:
    """The name under which a body adds a module to the network with its last statement."""
    match body:
        case [*_, ast.Expr(ast.Call(ast.Attribute(ast.Name("self"), "add_module"), [name, _]))]:
            return str(name.value) if isinstance(name, ast.Constant) else None
    return None


def writes_to(function: Function) -> set[str]:
    """The text of the attributes that a function appends to or sets items of."""
    return _writes(function.node)


def _writes(node: ast.AST) -> set[str]:
    return {f"self.{name}" for part in walk(node) if (name := _written_to(part))}


def drop_unread(program: Program) -> None:
    """Take away attributes that keep books for others and are never read here."""
    written = {
        id(part)
        for function in program.functions()
        for node in walk(function.node)
        if _written_to(node)
        for part in _receivers(node)
    }
    read = {
        node.attr
        for function in program.functions()
        for node in walk(function.node)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and id(node) not in written
    }
    for definition in program.classes.values():
        gone = [part for name, part in _class_constants(definition) if name not in read]
        definition.body = [part for part in definition.body if part not in gone]
    for function in program.functions():
        if function.owner is not None:
            _Unread(read).visit(function.node)
            function.node.body = function.node.body or [ast.Pass()]


def _receivers(node: ast.AST) -> Iterator[ast.AST]:
    """The part of a writing statement that names the attribute."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(receiver))):
            yield receiver
        case ast.Assign(targets=[ast.Subscript(receiver)]):
            yield receiver


class _Unread(ast.NodeTransformer):
    """Drops statements that only serve attributes which nothing reads."""

    def __init__(self, read: set[str]) -> None:
        self.read = read

    def _kept(self, node: ast.stmt) -> ast.stmt | None:
        name = _written_to(node)
        if name is not None and name not in self.read:
            return None
        for target, value in _set_on_self(node):
            plain = isinstance(value, ast.Constant | ast.List | ast.Dict)
            if target not in self.read and plain:
                return None
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        return self._kept(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        return self._kept(node)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        return self._kept(node)

    def visit_If(self, node: ast.If) -> ast.stmt | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None
