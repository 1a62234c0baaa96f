"""A record of a pack: a `tf.train.Example` with `image`, `path` and, where it is known, `label`.

`image` holds an encoded picture, or the pixels of a raw one, uint8 [height, width, channels] in C order.
"""

import tensorflow as tf

from aag_tf.utils.text import printable

IMAGE, LABEL, PATH = "image", "label", "path"


def write_record(image: bytes, path: str, label: int | None) -> bytes:
    """Returns the bytes of a record, the same for the same arguments.

    Args:
        image: encoded picture, or pixels.
        path: name of the picture in its source.
        label: number of its class; `None` in data sets without labels.
    """
    feature = {
        IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        PATH: tf.train.Feature(bytes_list=tf.train.BytesList(value=[printable(path).encode()])),
    }
    if label is not None:
        feature[LABEL] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def read_image(record: bytes) -> bytes:
    """Returns the picture of a record.

    Raises:
        ValueError: the record has none.
    """
    return _read(record, IMAGE)


def parse_image(record: tf.Tensor) -> tf.Tensor:
    """`read_image` as an operation of TensorFlow, a string scalar to another, which is empty if the record has none."""
    return tf.io.parse_single_example(record, {IMAGE: tf.io.FixedLenFeature([], tf.string, default_value="")})[IMAGE]


def read_path(record: bytes) -> str:
    """Returns the name of the picture of a record.

    Raises:
        ValueError: the record has none.
    """
    return _read(record, PATH).decode(errors="replace")


def _read(record: bytes, name: str) -> bytes:
    try:
        return tf.train.Example.FromString(record).features.feature[name].bytes_list.value[0]
    except Exception as error:  # of a class that differs between versions of protobuf
        raise ValueError(f"a record has no {name}") from error
