"""Self-supervised image encoders in Keras: auxiliary augmentation and the GNT-Xent loss (AAG).

Names are imported on first use (`__init__.pyi` lists them), so that `import aag_tf` costs nothing. It prepares the
environment for TensorFlow, which reads it when it is imported, and lets Keras open files of models that have classes of
this package.
"""

import lazy_loader

from aag_tf.utils import environment, keras_objects

environment.prepare()
keras_objects.register()
del environment, keras_objects

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
