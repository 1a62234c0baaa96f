"""The same small network pre-trained by this package, by lightly's losses in PyTorch, and by a plain Keras loop.

`tiny` at width 1.5: a 3x3 stem of stride 2, three residual blocks of 48, 96 and 192 channels, the last map averaged by
quarters, a projector of two layers, AdamW, batches of 64. In bfloat16, PyTorch in `channels_last` and compiled. Views
have crops from 20 % of the area, color at 0.45 of SimCLR's strength and no blur, in every package by its own transform.
"""

import argparse
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from head_to_head_work import BATCH, SIDE, WEIGHT_DECAY, Method, batches

CHANNELS, GRID = (48, 96, 192), 2
PROJECTOR_WIDTH, PROJECTOR_DIM = 512, 128
MIN_AREA, COLOR = 0.2, 0.45


class Ours:
    """This package with the flags of its recipe."""

    def __init__(self, given: argparse.Namespace) -> None:
        from aag_tf.config import TrainConfig
        from aag_tf.data import training_batches
        from aag_tf.data.images.base import ArrayImages
        from aag_tf.distribute.precision import resolve_precision
        from aag_tf.encoders import dtype_policy
        from aag_tf.flags import parse
        from aag_tf.training.model_building import build_model

        flags = [f"--{name}={getattr(given, name)}" for name in ("learning_rate", "temperature", "seed")]
        command = ["aag-train", "--recipe=cifar10_cpu", *flags, f"--train_steps={given.steps}"]
        config = parse(command, TrainConfig, usage="")
        images = ArrayImages(np.load(given.data / "train.npy"))
        with dtype_policy(resolve_precision(config.schedule)):
            self.model = build_model(config, images.shape, total_steps=given.steps)
        self.model.make_train_function()
        stream = training_batches(images, global_batch_size=BATCH, seed=given.seed, start_step=0, num_steps=given.steps)
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

        self.views = self._views(np.load(given.data / "train.npy"), given.seed)
        keras.config.set_dtype_policy("mixed_bfloat16")
        encoder, projector = _keras_networks()
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

    @staticmethod
    def _views(images: np.ndarray, seed: int) -> Iterator[Any]:
        import keras
        import keras_cv
        import tensorflow as tf

        keras.config.set_dtype_policy("float32")  # keras-cv cannot crop in bfloat16
        layers, half = keras_cv.layers, COLOR * 0.2
        jitter = layers.RandomColorJitter(
            (0, 255), 0.8 * COLOR, 0.8 * COLOR, (0.5 - 0.4 * COLOR, 0.5 + 0.4 * COLOR), half
        )
        augment = keras.Sequential(
            [
                layers.RandomCropAndResize((SIDE, SIDE), (MIN_AREA, 1.0), (0.75, 1.33)),
                layers.RandomFlip("horizontal"),
                layers.RandomApply(jitter, rate=0.8),
                layers.RandomApply(layers.Grayscale(3), rate=0.2),
            ]
        )
        shape = tf.TensorSpec((BATCH, SIDE, SIDE, 3), tf.uint8)
        stream = tf.data.Dataset.from_generator(lambda: batches(images, seed), output_signature=shape)
        drawn = stream.map(lambda batch: tf.cast(batch, tf.float32)).map(
            lambda batch: (augment(batch, training=True), augment(batch, training=True)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return iter(drawn.prefetch(tf.data.AUTOTUNE))


def _keras_networks() -> tuple[Any, Any]:
    """The encoder and the projector of Keras's own layers."""
    import keras

    layers = keras.layers

    def normalized(x: Any, width: int, kernel: int, stride: int, gamma: str = "ones") -> Any:
        convolution = layers.Conv2D(
            width, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
        )
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)(convolution(x))

    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.ReLU()(normalized(layers.Rescaling(1 / 127.5, -1)(inputs), CHANNELS[0], 3, 2))
    for stage, width in enumerate(CHANNELS):
        stride = 2 if stage else 1
        y = layers.ReLU()(normalized(x, width, 3, stride))
        y = normalized(y, width, 3, 1, gamma="zeros")
        shortcut = normalized(x, width, 1, stride) if stage else x
        x = layers.ReLU()(layers.Add()([y, shortcut]))
    encoder = keras.Model(inputs, layers.Flatten()(layers.AveragePooling2D(x.shape[1] // GRID)(x)))

    inputs = keras.Input(encoder.output_shape[1:])
    x = layers.Dense(PROJECTOR_WIDTH, use_bias=False, kernel_initializer="he_normal")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
    return encoder, keras.Model(inputs, layers.Dense(PROJECTOR_DIM, use_bias=False, dtype="float32")(x))


class TorchLightly:
    """PyTorch with lightly's transform and loss, as in lightly's own examples, compiled."""

    def __init__(self, loss: str, given: argparse.Namespace) -> None:
        import lightly.loss
        import torch

        torch.manual_seed(given.seed)
        encoder, projector = _torch_networks()
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.whole = torch.compile(torch.nn.Sequential(self.encoder, projector).train())
        self.loss = getattr(lightly.loss, loss)(temperature=given.temperature)
        parameters = [*encoder.parameters(), *projector.parameters()]
        groups = [
            {"params": [each for each in parameters if each.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [each for each in parameters if each.ndim == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, given.learning_rate)
        self.views = self._views(given.data / "train.npy")

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

    @staticmethod
    def _views(file: Path) -> Iterator[Any]:
        import torch
        import torchvision
        from lightly.transforms import SimCLRTransform

        transform = SimCLRTransform(
            input_size=SIDE,
            cj_strength=COLOR,
            min_scale=MIN_AREA,
            gaussian_blur=0.0,
            normalize={"mean": MEAN, "std": DEVIATION},
        )
        to_picture = torchvision.transforms.ToPILImage()

        class Views(torch.utils.data.Dataset):
            def __init__(self) -> None:
                self.images = np.load(file)

            def __len__(self) -> int:
                return len(self.images)

            def __getitem__(self, index: int) -> Any:
                return transform(to_picture(self.images[index]))

        workers = os.cpu_count() or 1
        loader = torch.utils.data.DataLoader(
            Views(), BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True
        )
        while True:
            yield from loader


MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # lightly's default, of ImageNet


def _torch_networks() -> tuple[Any, Any]:
    from torch import nn
    from torch.nn import functional

    def normalized(inputs: int, width: int, kernel: int, stride: int) -> nn.Sequential:
        convolution = nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(convolution.weight)
        return nn.Sequential(convolution, nn.BatchNorm2d(width))

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            last = normalized(width, width, 3, 1)
            nn.init.zeros_(last[1].weight)
            self.body = nn.Sequential(normalized(inputs, width, 3, stride), nn.ReLU(), last)
            self.shortcut = normalized(inputs, width, 1, stride) if stride > 1 else nn.Identity()

        def forward(self, x: Any) -> Any:
            return functional.relu(self.body(x) + self.shortcut(x))

    layers: list[nn.Module] = [normalized(3, CHANNELS[0], 3, 2), nn.ReLU()]
    inputs = CHANNELS[0]
    for stage, width in enumerate(CHANNELS):
        layers.append(Block(inputs, width, 2 if stage else 1))
        inputs = width
    encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(GRID), nn.Flatten())
    hidden = nn.Linear(inputs * GRID**2, PROJECTOR_WIDTH, bias=False)
    nn.init.kaiming_normal_(hidden.weight)
    last = nn.Linear(PROJECTOR_WIDTH, PROJECTOR_DIM, bias=False)
    return encoder, nn.Sequential(hidden, nn.BatchNorm1d(PROJECTOR_WIDTH), nn.ReLU(), last)


METHODS: dict[str, Callable[[argparse.Namespace], Method]] = {
    "aag_tf": Ours,
    "PyTorch, lightly's SimCLR": functools.partial(TorchLightly, "NTXentLoss"),
    "PyTorch, lightly's DCL": functools.partial(TorchLightly, "DCLLoss"),
    "plain Keras": PlainKeras,
}
IN_PEERS_PYTHON = tuple(name for name in METHODS if name.startswith("PyTorch"))
