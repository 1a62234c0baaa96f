"""Serves a SavedModel as a stranger would: plain TensorFlow, nothing of this package, and Keras out of reach.

Run as a script by `verify`: `python fresh_process.py <version directory> <images.npy> <answers.npz>`.
"""

import sys

DAMAGED = b"\x89PNG\r\n\x1a\n and then nothing that belongs there"


def main(model: str, images_file: str, answers_file: str) -> None:
    """Embeds real images, an empty batch, a batch of the wrong size and a damaged file; writes down what came back."""
    # TensorFlow imports Keras by itself where it can; this entry makes every import of it fail.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import numpy as np
    import tensorflow as tf

    signatures = tf.saved_model.load(model).signatures
    images = np.load(images_file)
    answers = {}
    for name, output in (("serving_default", "embedding"), ("embed_images", "embedding"), ("project", "projection")):
        if name in signatures:
            answers[name] = signatures[name](images=tf.constant(images))[output].numpy()
            answers[f"{name}/empty"] = signatures[name](images=tf.constant(images[:0]))[output].numpy()
    if "embed_bytes" in signatures:
        files = [DAMAGED, *(tf.io.encode_png(image).numpy() for image in images)]
        answer = signatures["embed_bytes"](contents=tf.constant(files))
        answers["embed_bytes"] = answer["embedding"].numpy()[1:]
        answers["embed_bytes/empty"] = signatures["embed_bytes"](contents=tf.constant(files)[:0])["embedding"].numpy()
        answers["valid"] = answer["valid"].numpy()
    try:
        signatures["serving_default"](images=tf.constant(np.pad(images, [(0, 0), (0, 1), (0, 0), (0, 0)])))
        refused = False
    except tf.errors.InvalidArgumentError:
        refused = True
    keras_used = any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items())
    np.savez(answers_file, refused=refused, keras_used=keras_used, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
