"""Files of weights as Keras provides them."""

import h5py
from keras.src.legacy.saving import legacy_h5_format


def save_legacy(model, file):
    """Writes weights in the format of Keras's ImageNet weights."""
    with h5py.File(file, "w") as content:
        legacy_h5_format.save_weights_to_hdf5_group(content, model)
