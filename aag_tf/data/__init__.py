"""Data sets with train, validation and test splits, and batches of them that can start at any step.

Names are imported on first use (`__init__.pyi` lists them), since some modules serve before TensorFlow is imported.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
