"""The network: what to build, its modules, its layer graph, and the devices that it runs on."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
