"""What a run leaves and how it comes back: its directory, record and checkpoints, and exported encoders.

Names are imported on first use (`__init__.pyi` lists them), since some modules serve before TensorFlow is imported.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
