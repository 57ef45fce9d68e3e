"""Images: decoding files safely, preprocessing them for a network, samples and drawn patterns."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
