"""Calls a SavedModel with plain TensorFlow, without this package, and with Keras out of reach.

Run as a script: `python fresh_process.py <version directory> <questions.npz> <answers.npz>`. A question is an array
`<signature>/<number>`, or bytes of files `<signature>/<number>/<file>`. The answers have
`<signature>/<number>/<output>` and, for an empty batch, `<signature>/empty/<output>`.
"""

import sys


def main(model: str, questions_file: str, answers_file: str) -> None:
    """Answers all questions, and an empty batch through every signature.

    `refused` says whether `serving_default` raised for images that are too wide by a pixel.
    """
    # TensorFlow imports Keras by itself where it can; this entry makes every import of it fail.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import numpy as np
    import tensorflow as tf

    signatures = tf.saved_model.load(model).signatures
    arrays: dict[tuple[str, str], tf.Tensor] = {}
    files: dict[tuple[str, str], list[bytes]] = {}
    with np.load(questions_file) as content:
        for key in content.files:
            name, number, *rest = key.split("/")
            if rest:
                files.setdefault((name, number), []).append(content[key].tobytes())
            else:
                arrays[name, number] = tf.constant(content[key])
    batches = arrays | {key: tf.constant(found) for key, found in files.items()}
    answers = {}

    def answer(name: str, case: str, batch: tf.Tensor) -> None:
        (argument,) = signatures[name].structured_input_signature[1]
        for output, tensor in signatures[name](**{argument: batch}).items():
            value = tensor.numpy()
            # Text as NumPy's own, since an array of objects would be pickled.
            answers[f"{name}/{case}/{output}"] = value.astype(bytes) if value.dtype == object else value

    for (name, number), batch in batches.items():
        if name in signatures:
            answer(name, number, batch)
            answer(name, "empty", batch[:0])
    images = arrays["serving_default", "0"]
    try:
        answer("serving_default", "too wide", tf.pad(images, [(0, 0), (0, 0), (0, 1), (0, 0)]))
        refused = False
    except tf.errors.InvalidArgumentError:
        refused = True
    keras_used = any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items())
    np.savez(answers_file, refused=refused, keras_used=keras_used, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
