"""Networks with random weights through which pictures come, as through trained ones."""

import keras


def calibrate(model, images):
    """Sets the statistics of batch normalization to those of some images."""
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
