"""The same small network pre-trained by this package, by lightly's losses in PyTorch, and by a plain Keras loop.

`tiny` at width 1.5: a 3x3 stem of stride 2, three residual blocks of 48, 96 and 192 channels, the last map averaged by
quarters, a projector of two layers, batches of 64. In bfloat16, PyTorch in `channels_last` and compiled. Views have
crops from 20 % of the area, color at 0.45 of SimCLR's strength and no blur, in every package by its own transform. All
have AdamW but this package's recipe, which has Muon; PyTorch's Muon takes no convolutions.
"""

import argparse
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from head_to_head_work import BATCH, WEIGHT_DECAY, Method, batches
from peer_networks import SIDE, Shape, keras_networks, torch_networks
from peer_views import DEVIATION, MEAN, keras_cv_views, lightly_views

TINY = Shape(48, 2, ((48, 1), (96, 2), (192, 2)), grid=2)
VIEWS = {"color": 0.45, "min_area": 0.2}


class Ours:
    """This package with the flags of its recipe."""

    def __init__(self, optimizer: str, given: argparse.Namespace) -> None:
        from aag_tf.config import TrainConfig
        from aag_tf.data import training_batches
        from aag_tf.data.images.base import ArrayImages
        from aag_tf.distribute.precision import resolve_precision
        from aag_tf.encoders import dtype_policy
        from aag_tf.flags import parse
        from aag_tf.training.model_building import build_model

        flags = [f"--{name}={getattr(given, name)}" for name in ("learning_rate", "temperature", "seed")]
        flags += [f"--optimizer={optimizer}", f"--train_steps={given.steps}"]
        config = parse(["aag-train", "--recipe=cifar10_cpu", *flags], TrainConfig, usage="")
        images = ArrayImages(np.load(given.data / "train.npy"))
        with dtype_policy(resolve_precision(config.schedule)):
            self.model = build_model(config, images.shape, total_steps=given.steps)
        self.model.make_train_function()
        batch = config.schedule.global_batch_size
        stream = training_batches(images, global_batch_size=batch, seed=given.seed, start_step=0, num_steps=given.steps)
        self.stream = iter(stream)

    def train(self, learning_rate: float) -> object:
        return float(self.model.train_function(self.stream)["loss"])  # its optimizer has the schedule

    def embed(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self.model(images.astype(np.float32)))


class PlainKeras:
    """A loop as in Keras's documentation: keras-cv's layers in `tf.data`, and a compiled step."""

    def __init__(self, given: argparse.Namespace) -> None:
        import keras
        import tensorflow as tf

        images, image = np.load(given.data / "train.npy"), tf.TensorSpec((BATCH, SIDE, SIDE, 3), tf.uint8)
        stream = tf.data.Dataset.from_generator(lambda: batches(images, given.seed), output_signature=image)
        self.views = keras_cv_views(stream, **VIEWS)
        keras.config.set_dtype_policy("mixed_bfloat16")
        encoder, projector = keras_networks(TINY)
        self.encoder = encoder
        self.optimizer = keras.optimizers.AdamW(given.learning_rate, weight_decay=WEIGHT_DECAY)
        variables = encoder.trainable_variables + projector.trainable_variables
        self.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self.optimizer.build(variables)

        @tf.function
        def step(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                both = tf.concat([first, second], axis=0)
                z = tf.math.l2_normalize(projector(encoder(both, training=True), training=True), axis=-1)
                logits = tf.matmul(z, z, transpose_b=True) / given.temperature
                logits = tf.linalg.set_diag(logits, tf.fill([2 * BATCH], -1e9))
                labels = tf.roll(tf.range(2 * BATCH), BATCH, axis=0)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self.step = step

    def train(self, learning_rate: float) -> object:
        self.optimizer.learning_rate = learning_rate
        return float(self.step(*next(self.views)))

    def embed(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self.encoder(images.astype(np.float32), training=False)).astype(np.float32)


class TorchLightly:
    """PyTorch with lightly's transform and loss, as in lightly's own examples, compiled."""

    def __init__(self, loss: str, given: argparse.Namespace) -> None:
        import lightly.loss
        import torch

        torch.manual_seed(given.seed)
        encoder, projector = torch_networks(TINY)
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.whole = torch.compile(torch.nn.Sequential(self.encoder, projector).train())
        self.loss = getattr(lightly.loss, loss)(temperature=given.temperature)
        parameters = [*encoder.parameters(), *projector.parameters()]
        groups = [
            {"params": [each for each in parameters if each.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [each for each in parameters if each.ndim == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, given.learning_rate)
        self.views = lightly_views(np.load(given.data / "train.npy"), BATCH, **VIEWS)

    def train(self, learning_rate: float) -> object:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        first, second = next(self.views)
        with torch.autocast("cpu", torch.bfloat16):
            both = torch.cat([first, second]).contiguous(memory_format=torch.channels_last)
            projections = self.whole(both)
        loss = self.loss(*projections.float().chunk(2))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def embed(self, images: np.ndarray) -> np.ndarray:
        import torch

        self.encoder.eval()
        pixels = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
        pixels = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
        with torch.no_grad():
            embeddings = self.encoder(pixels.contiguous(memory_format=torch.channels_last)).numpy()
        self.encoder.train()
        return embeddings


class Way(NamedTuple):
    """How to build a method, the learning rates that it is tuned over, and whether it needs the peers' interpreter."""

    make: Callable[[argparse.Namespace], Method]
    rates: tuple[float, ...]
    in_peers_python: bool = False


ADAMW_RATES, MUON_RATES = (0.00175, 0.0035, 0.007), (0.01, 0.02, 0.04)
OURS = "aag_tf, Muon"


def _lightly(loss: str) -> Way:
    make: Any = functools.partial(TorchLightly, loss)
    return Way(make, ADAMW_RATES, in_peers_python=True)


METHODS = {
    OURS: Way(functools.partial(Ours, "muon"), MUON_RATES),
    "aag_tf, AdamW": Way(functools.partial(Ours, "adamw"), ADAMW_RATES),
    "PyTorch, lightly's SimCLR": _lightly("NTXentLoss"),
    "PyTorch, lightly's DCL": _lightly("DCLLoss"),
    "plain Keras": Way(PlainKeras, ADAMW_RATES),
}
