"""Fine-tune an exported encoder on a few labels, using only Keras (`keras.layers.TFSMLayer`).

    python examples/fine_tune.py --saved_model=runs/demo/saved_model/1

Takes less than a minute on two CPU cores. It first trains a classifier on the frozen encoder, then both together, on
200 of the digits that scikit-learn ships, and prints the accuracy on 597 others. The encoder must have been trained on
digits (`--recipe=demo`). For other images, replace `digits()`.
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

LABELED, HELD_OUT = 200, 597


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns images, uint8 [n, 8, 8, 1], and labels, int64 [n]."""
    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    return images[..., np.newaxis], bunch.target.astype(np.int64)


def build(saved_model: str, image_shape: tuple[int, ...], num_classes: int) -> tuple[keras.Model, keras.Layer]:
    """Returns a classifier on the encoder, and the encoder; set its `trainable` to freeze or train its weights."""
    # Preprocessing is inside; batch normalization keeps the statistics it was exported with.
    encoder = keras.layers.TFSMLayer(saved_model, call_endpoint="serve")
    for weight in encoder.weights:
        weight._path = weight.path.replace(":", "_")  # Keras 3.15 keeps TensorFlow's ":0", which its optimizers reject
    images = keras.Input(image_shape, dtype="uint8")
    embedding = encoder(images)["embedding"]
    logits = keras.layers.Dense(num_classes)(keras.layers.BatchNormalization()(embedding))
    return keras.Model(images, logits), encoder


def fit(model: keras.Model, images: np.ndarray, labels: np.ndarray, learning_rate: float, epochs: int) -> None:
    """Trains the trainable weights of the model."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)


def main(saved_model: str) -> dict[str, float]:
    """Returns the test accuracies of the frozen and of the fine-tuned encoder."""
    keras.utils.set_random_seed(0)
    images, labels = digits()
    train, test = slice(LABELED), slice(-HELD_OUT, None)
    model, encoder = build(saved_model, images.shape[1:], int(labels.max()) + 1)
    if not encoder.trainable_weights:
        raise SystemExit(f"{saved_model} stores 16-bit kernels, which cannot be trained; export it without --weights.")
    encoder.trainable = False
    fit(model, images[train], labels[train], learning_rate=1e-2, epochs=20)
    frozen = model.evaluate(images[test], labels[test], verbose=0)[1]
    encoder.trainable = True
    fit(model, images[train], labels[train], learning_rate=1e-3, epochs=20)
    tuned = model.evaluate(images[test], labels[test], verbose=0)[1]
    return {"frozen encoder": frozen, "fine-tuned": tuned}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saved_model", required=True, help="a version directory that aag-export wrote")
    for name, accuracy in main(parser.parse_args().saved_model).items():
        print(f"{name}: {100 * accuracy:.1f} %")
