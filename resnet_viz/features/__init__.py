"""Features: what the layers of a network compute from an image, and the pixels that matter."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
