"""The loss's shares over N replicas of one CPU, against the whole on one; batch normalization over two.

A process can hold one group of collective devices only, hence a process for each number of replicas.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from aag_tf.encoders import BatchNorm
from aag_tf.losses import GNTXent, contrastive_statistics, streaming


def compare_shares(replicas: int, out: Path) -> None:
    """Writes how far shares and whole differ, in several forms of the loss, to `out` as JSON."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    streaming.BLOCK_ELEMENTS = 60  # several blocks, though the batch is small

    rng = np.random.default_rng(0)
    images, weights = rng.normal(size=(8, 3, 6)), rng.uniform(0.1, 1.0, 8)
    with strategy.scope():
        kernel = tf.Variable(rng.normal(size=(6, 5)))
        temperature = tf.Variable(0.3, dtype=tf.float64)

    def step(loss, x, sample_weight):
        with tf.GradientTape() as tape:
            projections = tf.einsum("bvd,de->bve", x, kernel)
            value = loss(None, projections, sample_weight)
        gradients = tape.gradient(value, [kernel, temperature])
        statistics = contrastive_statistics(
            projections, temperature=0.2, coupling=0.5, aux_weight=loss.aux_weight, positives=loss.positives
        )
        return [value, *gradients], statistics

    def deviations(sizes, **settings):
        loss = GNTXent(**{"temperature": temperature, "coupling": 0.4, "aux_weight": 0.7, **settings})
        whole, statistics = step(loss, tf.constant(images), tf.constant(weights))
        bounds = np.cumsum(sizes)[:-1]

        def split(array):
            parts = np.split(array, bounds)
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(parts[context.replica_id_in_sync_group])
            )

        run = tf.function(lambda x, weight: strategy.run(step, (loss, x, weight)))
        shares, shared_statistics = run(split(images), split(weights))
        summed = [strategy.reduce("SUM", share, axis=None) for share in shares]
        return {
            "loss_and_gradients": [
                float(np.max(np.abs(one - other)) / np.max(np.abs(other)))
                for one, other in zip(summed, whole, strict=True)
            ],
            "statistics": max(
                float(abs(local - statistics[name]) / max(1.0, abs(statistics[name])))  # relative where above 1
                for name, values in shared_statistics.items()
                for local in strategy.experimental_local_results(values)
            ),
            "smallest_share": float(min(abs(share) for share in strategy.experimental_local_results(shares[0]))),
        }

    even, uneven = [8 // replicas] * replicas, [1] * (replicas - 1) + [9 - replicas]
    results = {}
    cases = [
        (even, {"form": "dense"}),
        (uneven, {"form": "dense", "aux_negatives": False}),
        (even, {"form": "streaming", "aux_negatives": False}),
        (uneven, {"form": "streaming"}),
    ]
    if replicas == 2:  # enough for what they add, and tracing takes seconds for each replica
        cases += [
            (uneven, {"form": "streaming", "coupling": 0.0, "dclw_sigma": 0.5}),
            (even, {"form": "streaming", "positives": "in", "normalization_gradient": "unscaled"}),
            (uneven, {"form": "dense", "positives": "out", "rince_q": 0.3, "rince_lambda": 0.5}),
        ]
    for sizes, settings in cases:
        results[f"{settings}, {sizes}"] = deviations(sizes, **settings)
    out.write_text(json.dumps(results))


def normalize(given: Path, out: Path) -> None:
    """Normalizes a batch over two replicas; writes outputs, gradient and moving statistics to `out`, an npz file.

    Args:
        given: npz file with `images`, and with `weighting` of the outputs, of which the gradient is that of the sum.
        out: the file to write.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    batch = np.load(given)
    with strategy.scope():
        layer = BatchNorm()
        layer.build(batch["images"].shape)

    def part(array):
        halves = np.split(array, 2)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )

    def step(images, weighting):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=True)
            score = tf.reduce_sum(outputs * weighting)
        return outputs, tape.gradient(score, images)

    run = tf.function(lambda images, weighting: strategy.run(step, (images, weighting)))
    outputs, gradient = (
        np.concatenate([np.array(value) for value in strategy.experimental_local_results(found)])
        for found in run(part(batch["images"]), part(batch["weighting"]))
    )
    statistics = {
        name: np.stack([np.array(value) for value in strategy.experimental_local_results(weight.value)])
        for name, weight in (("moving_mean", layer.moving_mean), ("moving_variance", layer.moving_variance))
    }
    np.savez(out, outputs=outputs, gradient=gradient, **statistics)
