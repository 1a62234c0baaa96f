"""The same contrastive training in three implementations, for peers.py and cpu_kinds.py to time.

The work: ResNet-18 with the stem for small images, 32x32 color images, batches of 64 in two views, a projector of two
layers, NT-Xent, SGD with momentum. Each implementation has three methods: `step` trains on views in memory, `input`
draws views, `both` trains from images. Each returns a function that processes one batch. Speed does not depend on the
content of images, so they are random.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmark_tools import random_images
from peer_networks import PROJECTOR_DIM, PROJECTOR_WIDTH, SHAPES, SIDE, keras_networks
from peer_views import keras_cv_views, lightly_views

BATCH = 64
IMAGES = 4096
TEMPERATURE = 0.5
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.03, 0.9, 5e-4
COLOR, MIN_AREA = 0.5, 0.2
PARTS = ("step", "input", "both")
PRECISIONS = ("float32", "bfloat16")

Step = Callable[[], Any]  # one batch


def set_precision(precision: str) -> None:
    import keras

    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}.get(precision)
    if policy is None:  # what this project chooses on the machine at hand
        from aag_tf.config import ScheduleConfig
        from aag_tf.distribute.precision import resolve_precision

        policy = resolve_precision(ScheduleConfig(precision=precision))
    keras.config.set_dtype_policy(policy)


class Ours:
    """This project, with its defaults except for the settings of the work."""

    def __init__(self, aux: str, precision: str, encoder: str = "resnet18") -> None:
        from aag_tf.config import AugmentConfig, EncoderConfig, LossConfig, OptimizerConfig, ScheduleConfig, TrainConfig
        from aag_tf.data.images.base import ArrayImages
        from aag_tf.training.model_building import build_model

        set_precision(precision)
        config = TrainConfig(
            augment=AugmentConfig(aux=aux),
            encoder=EncoderConfig(encoder=encoder),
            loss=LossConfig(temperature=TEMPERATURE, coupling=1.0),
            optimizer=OptimizerConfig("sgd", LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY),
            schedule=ScheduleConfig(global_batch_size=BATCH),
        )
        self.images = ArrayImages(random_images(IMAGES, SIDE))
        self.model = build_model(config, (SIDE, SIDE, 3), total_steps=1000)
        self.model.make_train_function()

    def batches(self) -> Iterator[Any]:
        from aag_tf.data import training_batches

        return iter(training_batches(self.images, global_batch_size=BATCH, seed=0, start_step=0, num_steps=10**6))

    def _train(self, batches: Iterator[Any]) -> float:
        return float(self.model.train_function(batches)["loss"])

    def step(self) -> Step:
        import tensorflow as tf

        views = self.model.draw_views(next(self.batches()))
        in_memory = iter(tf.data.Dataset.from_tensors({"views": views}).repeat())
        return lambda: self._train(in_memory)

    def input(self) -> Step:
        import tensorflow as tf

        draw, batches = tf.function(self.model.draw_views), self.batches()
        return lambda: draw(next(batches)).numpy()

    def both(self) -> Step:
        batches = self.batches()
        return lambda: self._train(batches)


class Loop:
    """A training loop whose input pipeline draws the views; subclasses define `train` and `batches`."""

    train: Callable[[Any, Any], float]  # of the first and second views of a batch
    batches: Callable[[], Iterator[Any]]

    def step(self) -> Step:
        views = next(self.batches())
        return lambda: self.train(*views)

    def input(self) -> Step:
        batches = self.batches()
        return lambda: next(batches)

    def both(self) -> Step:
        batches = self.batches()
        return lambda: self.train(*next(batches))


class PlainKeras(Loop):
    """A loop as in Keras's documentation: keras-cv's layers in `tf.data`, and a compiled step."""

    def __init__(self, precision: str, encoder: str = "resnet18") -> None:
        import keras
        import tensorflow as tf

        set_precision(precision)
        encoder_part, projector = keras_networks(SHAPES[encoder])
        model = keras.Model(encoder_part.input, projector(encoder_part.output))
        optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        optimizer.build(model.trainable_variables)

        @tf.function
        def train(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                z = tf.math.l2_normalize(model(tf.concat([first, second], axis=0), training=True), axis=-1)
                logits = tf.matmul(z, z, transpose_b=True) / TEMPERATURE
                logits = tf.linalg.set_diag(logits, tf.fill([2 * BATCH], -1e9))
                labels = tf.roll(tf.range(2 * BATCH), BATCH, axis=0)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self.train = lambda first, second: float(train(first, second))

    def batches(self) -> Iterator[Any]:
        import tensorflow as tf

        images = tf.data.Dataset.from_tensor_slices(random_images(IMAGES, SIDE)).shuffle(IMAGES).repeat().batch(BATCH)
        return keras_cv_views(images, color=COLOR, min_area=MIN_AREA)


class TorchLightly(Loop):
    """PyTorch with lightly's transform and loss, as in lightly's own SimCLR example."""

    def __init__(self, order: str, precision: str) -> None:
        import torch
        import torchvision
        from lightly.loss import NTXentLoss

        backbone = torchvision.models.resnet18()
        backbone.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
        backbone.maxpool = torch.nn.Identity()
        backbone.fc = torch.nn.Sequential(
            torch.nn.Linear(512, PROJECTOR_WIDTH, bias=False),
            torch.nn.BatchNorm1d(PROJECTOR_WIDTH),
            torch.nn.ReLU(),
            torch.nn.Linear(PROJECTOR_WIDTH, PROJECTOR_DIM, bias=False),
        )
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.memory_format = getattr(torch, order)
        self.model = backbone.train().to(self.device, memory_format=self.memory_format)
        self.loss = NTXentLoss(temperature=TEMPERATURE)
        self.optimizer = torch.optim.SGD(backbone.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY)
        self.autocast = functools.partial(torch.autocast, self.device, torch.bfloat16, enabled=precision == "bfloat16")

    def train(self, first: Any, second: Any) -> float:
        import torch

        with self.autocast():
            views = torch.cat([half.to(self.device, non_blocking=True) for half in (first, second)])
            projections = self.model(views.contiguous(memory_format=self.memory_format))
        loss = self.loss(*projections.float().chunk(2))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def batches(self) -> Iterator[Any]:
        images, on_gpu = random_images(IMAGES, SIDE), self.device == "cuda"
        return lightly_views(images, BATCH, color=COLOR, min_area=MIN_AREA, pin_memory=on_gpu)


class Implementation(NamedTuple):
    """Factory from a precision, required modules, and views per image."""

    make: Callable[[str], Any]
    needs: tuple[str, ...]
    views: int


IMPLEMENTATIONS = {
    "aag_tf": Implementation(functools.partial(Ours, "none"), ("aag_tf",), 2),
    "plain Keras, keras-cv": Implementation(PlainKeras, ("keras_cv",), 2),
    "PyTorch, lightly": Implementation(functools.partial(TorchLightly, "contiguous_format"), ("lightly",), 2),
    "PyTorch, lightly, channels last": Implementation(
        functools.partial(TorchLightly, "channels_last"), ("lightly",), 2
    ),
    "aag_tf, three views": Implementation(functools.partial(Ours, "default"), ("aag_tf",), 3),
}
IN_PEERS_PYTHON = ("PyTorch, lightly", "PyTorch, lightly, channels last")
