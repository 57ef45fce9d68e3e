"""The last touches to a specialised program: calls as people write them, nothing left over."""

from __future__ import annotations

import ast
from typing import Final

from resnet_viz.codegen.calls import is_open
from resnet_viz.codegen.known import walk
from resnet_viz.codegen.program import SOURCE, Function, Program, bind, parameters

__all__ = ["finish"]

_PLAIN: Final = ("dilation", "groups")  # of a convolution, where they are 1


def finish(program: Program) -> None:
    """Write calls as people do, and make sure that nothing of this package is left.

    Raises:
        LookupError: Something is.
    """
    sites = program.all_sites()
    for function in program.functions():
        for site in sites[function.node] or ():
            _shorten(function, site.call)
    for function in program.functions():
        for node in walk(function.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.Conv2d":
                node.keywords = [
                    each
                    for each in node.keywords
                    if each.arg not in _PLAIN or ast.unparse(each.value) != "1"
                ]
        left = [node for node in function.node.body if is_open(node)]
        if left:
            raise LookupError(f"{SOURCE.name} is not reduced: {ast.unparse(left[0])}")


def _shorten(function: Function, call: ast.Call) -> None:
    """Leave out what is the default, and name what a bare number would not explain."""
    known = parameters(function)
    given = bind(function, call)
    if given is None:
        return
    placed = list(known)[: len(call.args)]
    call.args = []
    keywords: list[ast.keyword] = []
    for name, default in known.items():
        if default is not None and ast.dump(given[name]) == ast.dump(default):
            placed = placed[: placed.index(name)] if name in placed else placed
            continue
        number = function.is_private and isinstance(given[name], ast.Constant)
        if name in placed and not number and not keywords:
            call.args.append(given[name])
        else:
            keywords.append(ast.keyword(name, given[name]))
    call.keywords = keywords
