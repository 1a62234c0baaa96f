"""Takes a few training steps over CPU replicas, in a process of their own.

TensorFlow ties collective operations to the first set of devices that a process uses, so one process cannot compare
one, two and four replicas.
"""

import keras
import numpy as np
import tensorflow as tf
from training_runs import ONE_BLOCK

from aag_tf.augment import build_views
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, ProjectorConfig, ScheduleConfig
from aag_tf.data import open_source, training_batches
from aag_tf.distribute.devices import make_strategy
from aag_tf.encoders import build_networks, encoder_of_views
from aag_tf.losses import GNTXent
from aag_tf.training.model import AAG

BATCH = 16
STEPS = 3


class Recorder(keras.callbacks.Callback):
    """Keeps the metrics of each step, without times."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append({name: float(value) for name, value in logs.items() if "seconds" not in name})


def overflow_on_the_second_replica(out):
    """Takes two steps with a scaled loss while the second replica's gradients overflow; saves the outcome to `out`."""
    strategy = make_strategy(ScheduleConfig(cpu_replicas=2, global_batch_size=BATCH))
    source = open_source(DataConfig())
    with strategy.scope():
        keras.utils.set_random_seed(3)
        encoder, projector = build_networks(
            EncoderConfig(ONE_BLOCK), ProjectorConfig(projector_width=32, projector_dim=8), source.image_shape
        )
        model = AAG(
            encoder, projector, build_views(AugmentConfig(flip=False), source.image_shape, jit_compile=False), seed=3
        )
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=1024.0)
        model.compile(optimizer, GNTXent(), jit_compile=False)
        model.optimizer.build(model.trained_variables)
    gradients_of = model._gradients

    def overflowing(*arguments):
        projections, share, gradients = gradients_of(*arguments)
        second = tf.distribute.get_replica_context().replica_id_in_sync_group == 1
        return projections, share, [tf.where(second, np.inf, gradient) for gradient in gradients]

    model._gradients = overflowing
    before = [tf.convert_to_tensor(variable).numpy() for variable in encoder.trainable_variables]
    recorder = Recorder()
    batches = training_batches(source.train.images, global_batch_size=BATCH, seed=3, start_step=0, num_steps=2)
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])
    moved = [
        np.any(tf.convert_to_tensor(variable).numpy() != old)
        for variable, old in zip(encoder.trainable_variables, before, strict=True)
    ]
    scales, norms = ([step[name] for step in recorder.steps] for name in ("loss_scale", "gradient_norm"))
    np.savez(out, moved=moved, scales=scales, norms=norms)


def train_steps(replicas, accumulation_steps, out, aux_size=None):
    """Trains for `STEPS` steps and saves gradients and metrics to `out`, an npz file.

    With `aux_size`, images are of 16 pixels, and auxiliary views, of the main branch, of that size.
    """
    strategy = make_strategy(ScheduleConfig(cpu_replicas=replicas, global_batch_size=BATCH))
    assert strategy.num_replicas_in_sync == replicas
    source = open_source(DataConfig(image_size=16) if aux_size else DataConfig())
    augment = AugmentConfig(flip=False, **({"aux": "main", "aux_size": aux_size} if aux_size else {}))
    with strategy.scope():
        keras.utils.set_random_seed(3)
        encoder, projector = build_networks(
            EncoderConfig(ONE_BLOCK), ProjectorConfig(projector_width=32, projector_dim=8), source.image_shape
        )
        views = build_views(augment, source.image_shape, jit_compile=False)
        small = encoder_of_views(encoder, EncoderConfig(ONE_BLOCK), (aux_size, aux_size)) if aux_size else None
        model = AAG(encoder, projector, views, auxiliary_encoder=small, seed=3, accumulation_steps=accumulation_steps)
        # At rate 1 a step of plain SGD moves the weights by minus the gradient.
        model.compile(keras.optimizers.SGD(1.0), GNTXent(), jit_compile=False)
    variables = encoder.trainable_variables + projector.trainable_variables
    recorder, found = Recorder(), {}

    def fit(start, steps):
        batches = training_batches(
            source.train.images, global_batch_size=BATCH, seed=3, start_step=start, num_steps=steps
        )
        model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])

    before = [tf.convert_to_tensor(variable).numpy() for variable in variables]
    fit(0, 1)
    for index, (variable, old) in enumerate(zip(variables, before, strict=True)):
        found[f"gradient{index}"] = old - tf.convert_to_tensor(variable).numpy()
    model.optimizer.learning_rate = 0.05
    fit(1, STEPS - 1)
    for name in recorder.steps[0]:
        found[name] = np.array([step[name] for step in recorder.steps])
    np.savez(out, **found)
