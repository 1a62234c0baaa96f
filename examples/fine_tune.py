"""Fine-tune an exported encoder on a few labels, using Keras alone for the network (`keras.layers.TFSMLayer`).

    python examples/fine_tune.py --saved_model=runs/demo/saved_model/1

Takes under a minute on two CPU cores. It first trains a classifier on the frozen encoder, then both together, on 200 of
the images that the demo (`--recipe=demo`) trains on, and prints the accuracy on its test split. For an encoder of other
images, name their data set: --dataset=folder:labeled.
"""

import argparse

import keras
import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data import Split, open_source
from aag_tf.export import load_saved_model

LABELED = 200

LabeledImages = tuple[np.ndarray, np.ndarray]


def labeled_images(dataset: str) -> tuple[LabeledImages, LabeledImages]:
    """Returns images, uint8 [n, h, w, c], and labels, int64 [n], of the train and of the test split."""
    source = open_source(DataConfig(dataset=dataset))

    def arrays(split: Split | None) -> LabeledImages:
        if split is None or split.labels is None:
            raise SystemExit(f"--dataset={dataset} has no labels; name labeled images.")
        return split.images.numpy(range(len(split))), split.labels

    return arrays(source.train), arrays(source.test)


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


def main(saved_model: str, dataset: str) -> dict[str, float]:
    """Returns the test accuracies of the frozen and of the fine-tuned encoder."""
    load_saved_model(saved_model)  # refuses a model that can read or write files
    keras.utils.set_random_seed(0)
    (images, labels), test = labeled_images(dataset)
    images, labels = images[:LABELED], labels[:LABELED]
    model, encoder = build(saved_model, images.shape[1:], int(labels.max()) + 1)
    if not encoder.trainable_weights:
        raise SystemExit(f"{saved_model} stores 16-bit kernels, which cannot be trained; export it without --weights.")
    encoder.trainable = False
    fit(model, images, labels, learning_rate=1e-2, epochs=20)
    frozen = model.evaluate(*test, verbose=0)[1]
    encoder.trainable = True
    fit(model, images, labels, learning_rate=1e-3, epochs=20)
    tuned = model.evaluate(*test, verbose=0)[1]
    return {"frozen encoder": frozen, "fine-tuned": tuned}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saved_model", required=True, help="a version directory that aag-export wrote")
    parser.add_argument("--dataset", default="scattered_digits", help="labeled images of the encoder's size")
    for name, accuracy in main(**vars(parser.parse_args())).items():
        print(f"{name}: {100 * accuracy:.1f} %")
