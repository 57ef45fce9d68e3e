"""Functions fitted to the calls that are made of them: parameters that say nothing new go."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from resnet_viz.codegen.flow import NewFold
from resnet_viz.codegen.folding import Fold
from resnet_viz.codegen.known import constant, copied, is_literal, names_in, walk
from resnet_viz.codegen.program import Function, Program, Site, bind, parameters

__all__ = ["fit_parameters", "inline_helpers", "is_open", "lift_questions"]

_Bound = list[dict[str, ast.expr]]


def _calls(program: Program) -> Iterator[tuple[Function, list[Site], _Bound]]:
    """The functions whose calls can all be seen, with these, and what each call gives."""
    sites = program.all_sites()
    for function in list(program.functions()):
        here = sites[function.node] or []
        given = [bind(function, site.call) for site in here]
        known = [each for each in given if each is not None]
        if here and len(known) == len(here):
            yield function, here, known


def fit_parameters(program: Program) -> None:
    """Drop parameters that are not read, are the same in all calls, or repeat another."""
    for function, sites, bound in _calls(program):
        for name in list(parameters(function)):
            _fit(function, name, sites, bound)


def _fit(function: Function, name: str, sites: list[Site], bound: _Bound) -> None:
    values = [given[name] for given in bound]
    if name not in set(names_in(function.node.body, ast.Load)):
        if not any(isinstance(node, ast.Call) for each in values for node in walk(each)):
            _remove(function, name, sites)
    elif all(isinstance(value, ast.Constant) for value in values):
        if len({ast.dump(value) for value in values}) > 1:
            _settle_where_equal(function, name, values)
        elif _is_unused_choice(values[0]):
            _fix(function, name, values[0], sites)
    elif parameters(function)[name] is not None:  # one that calls may leave out
        for other in parameters(function):
            same = all(ast.dump(given[other]) == ast.dump(given[name]) for given in bound)
            if other != name and same:
                _fix(function, name, ast.Name(other, ast.Load()), sites)
                return


def _is_unused_choice(value: ast.expr) -> bool:
    """Whether a value is that of a feature which a network makes no use of.

    Numbers that happen to be the same in all stages stay, as parameters of each stage.
    """
    known = getattr(value, "value", None)
    return known is None or isinstance(known, bool | str) or known == 1


def _settle_where_equal(function: Function, name: str, values: list[ast.expr]) -> None:
    """Replace expressions on one parameter that come to the same for all of its values."""
    if name in set(names_in(function.node.body, ast.Store)):
        return
    folds = [Fold({name: value}) for value in values]

    def settled(node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name) or set(names_in(node)) != {name}:
            return None
        results = [fold(node) for fold in folds]
        same = len({ast.dump(result) for result in results}) == 1
        return results[0] if same and isinstance(results[0], ast.Constant) else None

    _Replace(settled).visit(function.node)


def _fix(function: Function, name: str, value: ast.expr, sites: list[Site]) -> None:
    """Make a parameter a local name of one value, which the flow then resolves."""
    _remove(function, name, sites)
    said = ast.Assign([ast.Name(name, ast.Store())], value)
    _insert(function.node, [said])


def _insert(node: ast.FunctionDef, body: list[ast.stmt]) -> None:
    first = 1 if ast.get_docstring(node, clean=False) is not None else 0
    node.body[first:first] = [ast.fix_missing_locations(each) for each in body]


def _remove(function: Function, name: str, sites: list[Site]) -> None:
    """Take a parameter out of a signature and out of all calls."""
    place = list(parameters(function)).index(name)
    for site in sites:
        if place < len(site.call.args):
            del site.call.args[place]
        site.call.keywords = [each for each in site.call.keywords if each.arg != name]
    arguments = function.node.args
    placed = [each.arg for each in arguments.args]
    if name in placed:
        from_end = len(placed) - placed.index(name)
        if from_end <= len(arguments.defaults):
            del arguments.defaults[len(arguments.defaults) - from_end]
        del arguments.args[placed.index(name)]
    else:
        only = [each.arg for each in arguments.kwonlyargs].index(name)
        del arguments.kwonlyargs[only], arguments.kw_defaults[only]


def is_open(node: ast.AST) -> bool:
    """Whether an expression asks the spec, or one of its tables, something not yet known."""
    for part in walk(node):
        if isinstance(part, ast.Constant):
            if not is_literal(part.value) and not isinstance(part.value, range | type(...)):
                return True
        elif isinstance(part, ast.Subscript) and isinstance(part.value, ast.Constant):
            return True
    return False


def lift_questions(program: Program, new_fold: Callable[[Function], NewFold]) -> None:
    """Let callers answer what a helper asks the spec, since they know the stage.

    An answer that is the same in all calls, or that another parameter has, needs no parameter.
    """
    for function, sites, bound in _calls(program):
        known = {
            name
            for name in parameters(function)
            if all(isinstance(given[name], ast.Constant) for given in bound)
        } - set(names_in(function.node.body, ast.Store))
        make = new_fold(function)
        folds = [make({name: given[name] for name in known}) for given in bound]
        for question, name in list(_questions(function.node, known)):
            answers = [fold(question) for fold in folds]
            if not all(
                isinstance(each, ast.Constant) and is_literal(each.value) for each in answers
            ):
                continue
            values = [getattr(each, "value", None) for each in answers]
            answer = _answer(function, sites, name, values)
            _put(function, question, answer)


def _questions(
    node: ast.FunctionDef, known: set[str]
) -> Iterator[tuple[ast.expr, str | tuple[str, ...]]]:
    """The largest open expressions on known parameters, and what their values are called."""
    for statement in walk(node):
        if not isinstance(statement, ast.stmt) or isinstance(statement, ast.FunctionDef):
            continue
        name: str | tuple[str, ...] = "value"
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
            name = ast.unparse(target)
            if isinstance(target, ast.Tuple):
                name = tuple(map(ast.unparse, target.elts))
        for field, value in ast.iter_fields(statement):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.expr) and field != "targets" and is_open(part):
                    yield from _largest(part, known, name)


def _largest(
    node: ast.AST, known: set[str], name: str | tuple[str, ...]
) -> Iterator[tuple[ast.expr, str | tuple[str, ...]]]:
    if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
        names = set(names_in(node))
        if names and names <= known and is_open(node):
            yield node, name
            return
    if isinstance(node, ast.keyword) and node.arg:
        name = node.arg
    for child in ast.iter_child_nodes(node):
        yield from _largest(child, known, name)


def _answer(
    function: Function, sites: list[Site], name: str | tuple[str, ...], values: list[Any]
) -> ast.expr:
    """An expression with one value a call, given by a new parameter where nothing else gives it."""
    if isinstance(name, tuple):
        columns = zip(*values, strict=True)
        parts = [
            _answer(function, sites, each, list(column))
            for each, column in zip(name, columns, strict=True)
        ]
        return ast.Tuple(parts, ast.Load())
    if len(set(values)) == 1:
        return constant(values[0])
    given = [bind(function, site.call) or {} for site in sites]
    for other in parameters(function):
        if [getattr(each[other], "value", None) for each in given] == values:
            return ast.Name(other, ast.Load())
    while name in parameters(function):
        name += "_"
    annotation = ast.Name(type(values[0]).__name__, ast.Load())
    arguments = function.node.args
    if arguments.defaults or arguments.kwonlyargs:
        arguments.kwonlyargs.append(ast.arg(name, annotation))
        arguments.kw_defaults.append(None)
    else:
        arguments.args.append(ast.arg(name, annotation))
    for site, value in zip(sites, values, strict=True):
        site.call.keywords.append(ast.keyword(name, constant(value)))
    return ast.Name(name, ast.Load())


def inline_helpers(program: Program) -> None:
    """Put private helpers that have become trivial in place of their calls."""
    for function, sites, bound in _calls(program):
        if not function.is_private:
            continue
        body = _body(function.node)
        match body:
            case [ast.Return(ast.expr() as value)] if all(
                _may_stand(given, value) for given in bound
            ):
                for site, given in zip(sites, bound, strict=True):
                    _put(site.caller, site.call, Fold(given)(value))
            case _ if len(sites) == 1 and not parameters(function) and not _returns(function.node):
                _splice(function, sites[0])


def _may_stand(given: Mapping[str, ast.expr], value: ast.expr) -> bool:
    """Whether arguments can be put wherever their parameters are read."""
    read = list(names_in(value))
    return all(
        isinstance(each, ast.Constant | ast.Name)
        or (isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name))
        or read.count(name) <= 1
        for name, each in given.items()
    )


def _returns(node: ast.FunctionDef) -> bool:
    return any(isinstance(part, ast.Return) for part in walk(node))


def _splice(function: Function, site: Site) -> None:
    """Put a body in place of its only call, which is a statement of its own."""
    outer = site.caller.node
    own = set(names_in(function.node.body, ast.Store))
    taken = set(names_in(outer)) | {each.arg for each in outer.args.args}
    for place, node in enumerate(outer.body):
        if isinstance(node, ast.Expr) and node.value is site.call and not own & taken:
            outer.body[place : place + 1] = map(copied, _body(function.node))
            return


def _body(node: ast.FunctionDef) -> list[ast.stmt]:
    """The statements after the docstring."""
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _put(function: Function, old: ast.expr, new: ast.expr) -> None:
    """Put one expression of a function in place of another."""
    _Replace(lambda node: new if node is old else None).visit(function.node)


class _Replace(ast.NodeTransformer):
    """Puts expressions in place of others, those that hold others first."""

    def __init__(self, new: Callable[[ast.expr], ast.expr | None]) -> None:
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        found = self.new(node) if isinstance(node, ast.expr) else None
        return self.generic_visit(node) if found is None else copied(found)
