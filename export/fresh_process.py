"""Calls a SavedModel with plain TensorFlow, without this package, and with Keras out of reach.

Run as a script: `python fresh_process.py <version directory> <images.npy> <answers.npz> <signature> ...`. The answers
have `<signature>/<output>` and, for an empty batch, `<signature>/empty/<output>`.
"""

import sys

DAMAGED = b"\x89PNG\r\n\x1a\n and then nothing that belongs there"


def main(model: str, images_file: str, answers_file: str, *names: str) -> None:
    """Embeds real images, an empty batch and, where a signature takes files, a damaged one before the others.

    `refused` says whether the first signature raised for images that are too wide by a pixel.
    """
    # TensorFlow imports Keras by itself where it can; this entry makes every import of it fail.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import numpy as np
    import tensorflow as tf

    signatures = tf.saved_model.load(model).signatures
    images = np.load(images_file)
    answers = {}

    def input_of(name: str) -> tuple[str, tf.TensorSpec]:
        ((argument, spec),) = signatures[name].structured_input_signature[1].items()
        return argument, spec

    for name in filter(signatures.__contains__, names):
        argument, spec = input_of(name)
        if spec.dtype == tf.string:
            batch = tf.constant([DAMAGED, *(tf.io.encode_png(image).numpy() for image in images)])
        else:
            batch = tf.constant(images)
        for case, value in ((name, batch), (f"{name}/empty", batch[:0])):
            for output, tensor in signatures[name](**{argument: value}).items():
                answers[f"{case}/{output}"] = tensor.numpy()
    too_wide = tf.constant(np.pad(images, [(0, 0), (0, 1), (0, 0), (0, 0)]))
    try:
        signatures[names[0]](**{input_of(names[0])[0]: too_wide})
        refused = False
    except tf.errors.InvalidArgumentError:
        refused = True
    keras_used = any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items())
    np.savez(answers_file, refused=refused, keras_used=keras_used, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
