"""Self-supervised image encoders in Keras: auxiliary augmentation and the GNT-Xent loss (AAG).

Names are imported on first use (`__init__.pyi` lists them), so that `import aag_tf` costs nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
