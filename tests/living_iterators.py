"""A program that ends while iterators are alive whose threads call Python, for `tests/data/test_python_calls.py`."""

import sys
import time

import numpy as np
import tensorflow as tf

from aag_tf.data import FileImages, evaluation_batches

CODE = 7  # that it ends with
kept = []


def decode(number, shape):
    time.sleep(0.002)  # so that a thread is nearly always about to call Python again
    return np.full(shape, number, np.uint8)


def endless():
    """An iterator whose threads always read."""
    images = FileImages(range(64), (8, 8, 1), decode)
    return iter(evaluation_batches(images, 1).repeat())


def end_amid_reading():
    """Iterators that end while Python goes on need no help."""
    for pictures in range(20):
        iterator = endless()
        for number in range(pictures % 4):
            assert next(iterator)[0, 0, 0, 0] == number
        del iterator


def fail(iterator):
    next(iterator)
    raise ValueError


def main():
    end_amid_reading()
    kept.append(endless())  # in a global
    cycle = [endless()]
    cycle.append(cycle)  # in a cycle that is not collected
    try:
        fail(endless())
    except ValueError as error:  # in the frames of an error
        kept.append(error)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    images = FileImages(range(64), (8, 8, 1), decode)
    kept.append(iter(strategy.experimental_distribute_dataset(evaluation_batches(images, 2).repeat())))
    for iterator in kept:
        if not isinstance(iterator, Exception):
            next(iterator)
    sys.exit(CODE)


if __name__ == "__main__":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    main()
