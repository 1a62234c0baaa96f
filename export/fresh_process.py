"""Serves a SavedModel as a stranger would: plain TensorFlow, nothing of this package, and Keras out of reach.

Run as a script by `verify`: `python fresh_process.py <version directory> <images.npy> <answers.npz>`.
"""

import sys


def main(model: str, images_file: str, answers_file: str) -> None:
    """Embeds real images, an empty batch and a batch of the wrong size, and writes down what came back."""
    # TensorFlow imports Keras by itself where it can; this entry makes every import of it fail.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import numpy as np
    import tensorflow as tf

    serve = tf.saved_model.load(model).signatures["serving_default"]
    images = np.load(images_file)
    embedding = serve(images=tf.constant(images))["embedding"].numpy()
    empty = serve(images=tf.constant(images[:0]))["embedding"].numpy()
    try:
        serve(images=tf.constant(np.pad(images, [(0, 0), (0, 1), (0, 0), (0, 0)])))
        refused = False
    except tf.errors.InvalidArgumentError:
        refused = True
    keras_used = any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items())
    np.savez(answers_file, embedding=embedding, empty=empty, refused=refused, keras_used=keras_used)


if __name__ == "__main__":
    main(*sys.argv[1:])
