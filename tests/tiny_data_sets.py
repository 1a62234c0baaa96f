"""A TensorFlow data set small enough for a test."""

import numpy as np
import tensorflow_datasets as tfds


class TinyShapes(tfds.core.GeneratorBasedBuilder):
    """Pictures of two sizes with a secret test split; prepared for real, from nothing."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["dark", "light"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {
            "train": self._examples(12),
            "validation": self._examples(6),
            "test": self._examples(5, secret=True),
            "unlabelled": self._examples(8, secret=True),
            "many": self._examples(40),
        }

    def _generate_examples(self):
        raise NotImplementedError

    def _examples(self, count, secret=False):
        for number in range(count):
            value = number * 20 % 256  # the same for no two of them
            picture = np.full((10, 14 + number % 2, 3), value, np.uint8)
            yield number, {"image": picture, "label": -1 if secret else int(value > 100)}
