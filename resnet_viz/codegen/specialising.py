"""`model.py` made to fit one network, by rewriting it until nothing is left to rewrite."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final

from resnet_viz.codegen.attributes import drop_unread, registered, runs
from resnet_viz.codegen.calls import fit_parameters, inline_helpers, is_open, lift_questions
from resnet_viz.codegen.finishing import finish
from resnet_viz.codegen.flow import drop_dead_stores, resolve
from resnet_viz.codegen.folding import Fold
from resnet_viz.codegen.knowledge import Knowledge
from resnet_viz.codegen.known import constant, names_in, walk
from resnet_viz.codegen.layout import move_layout
from resnet_viz.codegen.program import ENTRY, SOURCE, Program
from resnet_viz.network.spec import ResNetSpec

__all__ = ["KEPT", "specialise"]

KEPT: Final = ("in_channels", "num_classes")  # fields that stay parameters of the network

_ROUNDS: Final = 40


def specialise(spec: ResNetSpec, source: Path = SOURCE) -> Program:
    """The classes and functions that build one network, without what serves only others.

    Args:
        spec: The network.
        source: The file that has the network.

    Raises:
        LookupError: The file is written in a way that this package cannot follow.
    """
    program = Program(source.read_text(encoding="utf-8"))
    program.prune()
    constructor = program.function(ENTRY, "__init__").node
    constructor.args.args[1:] = [ast.arg(name, ast.Name("int", ast.Load())) for name in KEPT]
    constructor.args.defaults = [constant(getattr(spec, name)) for name in KEPT]
    given = ast.Assign([ast.Name("spec", ast.Store())], constant(spec))
    constructor.body.insert(0, ast.fix_missing_locations(given))
    _until_stable(program, frozenset(KEPT))
    if any(is_open(function.node) for function in program.functions()):
        _until_stable(program, frozenset())  # kept fields elsewhere than in the constructor
    finish(program)
    return program


def _until_stable(program: Program, open_attributes: frozenset[str]) -> None:
    before = ""
    for _ in range(_ROUNDS):
        _round(program, open_attributes)
        program.prune()
        after = ast.dump(program.tree)
        if after == before:
            return
        before = after
    raise LookupError(f"{SOURCE.name} cannot be reduced to one network")


def _round(program: Program, open_attributes: frozenset[str]) -> None:
    """Every rewriting once."""
    knowledge = Knowledge(program, open_attributes)
    for function in program.functions():
        resolve(function.node, knowledge.of(function))
        drop_dead_stores(function.node)
        _inline_next(function.node)
    _name_kept(program)
    drop_unread(program)
    program.prune()
    inline_helpers(program)
    _return_registered(program, knowledge)
    fit_parameters(program)
    lift_questions(program, knowledge.of)


def _inline_next(node: ast.FunctionDef) -> None:
    """Put a value that is read once, in the next statement, where it is read.

    Only in a condition, and only what is short: other names are there for those who read.
    """
    read = Counter(names_in(node.body, ast.Load))
    stored = Counter(names_in(node.body, ast.Store))
    for body in _blocks(node):
        for first, second in pairwise(list(body)):
            match first:
                case ast.Assign(targets=[ast.Name(name)], value=value) if (
                    read[name] == stored[name] == 1
                ):
                    pass
                case _:
                    continue
            asked = isinstance(second, ast.If) and name in names_in(second.test)
            short = isinstance(value, ast.Attribute) and name in names_in(second)
            if asked or short:
                _substitute(second, name, value)
                body.remove(first)
                move_layout(second, first)


def _substitute(node: ast.stmt, name: str, value: ast.expr) -> None:
    for field, part in ast.iter_fields(node):
        if isinstance(part, ast.expr):
            setattr(node, field, Fold({name: value})(part))


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    return [
        value
        for part in walk(node)
        for _, value in ast.iter_fields(part)
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt)
    ]


def _name_kept(program: Program) -> None:
    """In the constructor, where the kept fields are parameters, they go by their names."""
    constructor = program.function(ENTRY, "__init__").node

    class Named(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            if isinstance(node.value, ast.Constant) and node.attr in KEPT:
                return ast.Name(node.attr, ast.Load())
            self.generic_visit(node)
            return node

    constructor.body = [Named().visit(node) for node in constructor.body]


def _return_registered(program: Program, knowledge: Knowledge) -> None:
    """Let helpers return the module that they add to the network, and the caller name it."""
    constructor = program.function(ENTRY, "__init__")
    adds = any(
        isinstance(node, ast.Attribute) and node.attr == "add_module" for node in walk(program.tree)
    )
    if not adds:
        return
    steps = list(runs(program, constructor, knowledge.of))
    constructor.node.body = [_added(node) for node in constructor.node.body]
    sites = program.all_sites()
    for helper in list(program.functions(ENTRY)):
        calls = {
            id(node): registered(body)
            for node, called, body in steps
            if called is not None and called.node is helper.node
        }
        seen = len(sites[helper.node] or ())
        if not calls or None in calls.values() or seen != len(calls):
            continue
        last = helper.node.body[-1]
        match last:
            case ast.Expr(ast.Call(args=[_, module])):
                helper.node.body[-1] = _moved(ast.Return(module), last)
                if isinstance(module, ast.Call):
                    helper.node.returns = module.func
        for place, node in enumerate(constructor.node.body):
            if id(node) in calls and isinstance(node, ast.Expr):
                target = _attribute(str(calls[id(node)]))
                constructor.node.body[place] = _moved(ast.Assign([target], node.value), node)


def _added(node: ast.stmt) -> ast.stmt:
    """``self.add_module("name", module)`` as the assignment that it amounts to."""
    match node:
        case ast.Expr(
            ast.Call(ast.Attribute(ast.Name("self"), "add_module"), [ast.Constant(name), module])
        ):
            return _moved(ast.Assign([_attribute(str(name))], module), node)
    return node


def _attribute(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Store())


def _moved(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """A statement in the place of another, with its comment and distance."""
    move_layout(new, old)
    return ast.fix_missing_locations(ast.copy_location(new, old))
