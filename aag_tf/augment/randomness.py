"""Uniform random numbers as a pure function of (seed, step, row, column), the same on every device and under XLA.

TensorFlow's stateless generators are not: Philox compiled by XLA gives other numbers than the CPU kernel for the same
seed, and each number depends on how many are drawn. A counter-based hash avoids both, takes ten cheap integer
operations, and lets a replica draw only the rows that it has.
"""

import tensorflow as tf

from aag_tf.utils.seeds import Seed

COLUMNS = 2**8  # room for the numbers of one row within the counter
ROWS = 2**24  # room for the rows of one step

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, figure 15.
GOLDEN = 0x9E3779B97F4A7C15
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = 31
FLOAT32_BITS = 24


def uniforms(seed: Seed | tf.Tensor, step: int | tf.Tensor, row: tf.Tensor, count: int) -> tf.Tensor:
    """Returns `count` uniform random numbers for each row.

    Within one seed no two (step, row, column) share a counter, and the hash is one-to-one.

    Args:
        seed: two int32 numbers.
        step: a scalar below 2³¹.
        row: integers `[batch]` below 2²⁴.
        count: numbers per row, at most 256.

    Returns:
        float32 `[batch, count]` in [0, 1), multiples of 2⁻²⁴.
    """
    first, second = tf.unstack(tf.cast(tf.convert_to_tensor(seed), tf.int64))
    key = first * 2**32 + tf.bitwise.bitwise_and(second, 2**32 - 1)
    counter = (tf.cast(step, tf.int64) * ROWS + tf.cast(row, tf.int64)) * COLUMNS
    hashed = key + _signed(GOLDEN) * (counter[:, None] + tf.range(count, dtype=tf.int64))
    for shift, factor in ROUNDS:
        hashed = _signed(factor) * tf.bitwise.bitwise_xor(hashed, _shifted(hashed, shift))
    hashed = tf.bitwise.bitwise_xor(hashed, _shifted(hashed, LAST_SHIFT))
    return tf.cast(_shifted(hashed, 64 - FLOAT32_BITS), tf.float32) * 2.0**-FLOAT32_BITS


def _shifted(value: tf.Tensor, bits: int) -> tf.Tensor:
    """Logical right shift of int64: TensorFlow's shift copies the sign, and its GPU kernels multiply no unsigned."""
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(value, bits), 2 ** (64 - bits) - 1)


def _signed(constant: int) -> int:
    return constant - 2**64 if constant >= 2**63 else constant
