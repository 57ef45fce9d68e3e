"""A network as one file of plain PyTorch, read off the lines of `model.py` that build it.

`specialising` rewrites the syntax tree of `model.py` for one spec until nothing changes any more:
known values are computed (`known`, `folding`), branches and loops resolved (`flow`), attributes
that are only books kept for others dropped (`attributes`, `knowledge`), functions fitted to the
calls that are left (`program`, `calls`, `finishing`). `layout` carries comments and blank lines
through; `python_file` puts docstring, imports and a main program around the result. There is no
second text of the network.
"""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
