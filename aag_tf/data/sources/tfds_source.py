"""`tfds:<name>[/config][:version]`: a prepared TensorFlow data set, decoded into memory."""

import contextlib
import difflib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from absl import logging

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data.files import resizing, sizes, value_range
from aag_tf.data.files.fitting import fitted
from aag_tf.data.files.formats.decoded import Decoded
from aag_tf.data.files.reading import Range, Reading
from aag_tf.data.images import memory
from aag_tf.data.images.base import ArrayImages, Shape, empty_images
from aag_tf.data.sources.unprepared import READ_BY_TENSORFLOW, base_name, not_prepared
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import FRESH_SECONDS, copy_path, copy_to_read, is_store, join
from aag_tf.utils.text import counted

READ_BATCH, BATCH_BYTES = 512, 2**22  # images that are decoded at a time, or fewer that take so much memory
READ_AHEAD = 2  # batches


def read_tfds(name: str, config: DataConfig) -> Source:
    """Reads the splits `train` (or `config.train_split`), `validation` and `test` of a TensorFlow data set.

    Uses the features `image` (of one or three channels; the range of other values than uint8 is found as for image
    files) and, if it exists and is a class label, `label`. Downloads nothing unless `config.download` is true.

    Raises:
        DataError: the data set is unknown, not prepared, has no images or train split, or is too large for memory.
    """
    builder = open_builder(name, config)
    image = require_image_feature(name, builder)
    shape = _image_shape(name, image, config)
    label = label_feature(builder)
    parts = _open_splits(name, builder, config, with_labels=label is not None)
    memory.require_memory(f"tfds:{name}", sum(int(part.cardinality()) for part in parts.values()), shape)
    try:
        reading = Reading.of(config.reading)
        if image.np_dtype != np.uint8:
            reading = Reading.of(config.reading, _find_range(name, parts["train"], config.reading))
        plain = image.np_dtype == np.uint8 and image.shape[2] == shape[2]
        read = _read_plain if plain else _read_converted
        splits = {role: read(part, shape, reading, label is not None) for role, part in parts.items()}
    except (tf.errors.OpError, OSError) as error:
        reason = one_line(error, 200)
        raise DataError(f"tfds:{name} cannot be read ({reason}); prepare it again, or restore its files.") from error
    return Source(
        name=f"tfds:{name}",
        train=splits["train"],
        validation=splits.get("validation"),
        test=splits.get("test"),
        class_names=None if label is None else list(label.names),
        reading=reading,
    )


def open_builder(name: str, config: DataConfig) -> Any:
    """Returns the TFDS builder of a data set, which is prepared first if `config.download` is true.

    Raises:
        DataError: the data set is unknown, or cannot be opened or prepared.
    """
    import tensorflow_datasets as tfds

    try:
        with _quiet():
            builder = tfds.builder(name, data_dir=_readable_directory(config.data_dir, name))
    except tfds.core.DatasetNotFoundError as error:
        base = base_name(name)
        close = difflib.get_close_matches(base, tfds.list_builders(with_community_datasets=False), n=1)
        advice = f"did you mean tfds:{close[0]}?" if close else "https://www.tensorflow.org/datasets/catalog lists all."
        raise DataError(f"tfds:{name} is neither known to TFDS nor prepared in its data directory; {advice}") from error
    except (AssertionError, ValueError, ImportError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"tfds:{name} cannot be opened as tfds:<name>[/config][:version]: {reason}") from error
    if config.download:
        _download(name, builder)
    return builder


def data_directory(data_dir: str | None) -> str | None:
    """Returns `--data_dir` to be recorded: local paths become absolute, URLs (`gs://...`) stay as they are."""
    return data_dir if data_dir is None or is_store(data_dir) else str(user_path(data_dir).absolute())


def _readable_directory(data_dir: str | None, name: str) -> str | None:
    """Returns `--data_dir` as TFDS reads it: of a data set on a store other than Google's a local copy."""
    directory = data_directory(data_dir)
    if directory is None or not is_store(directory) or directory.startswith(READ_BY_TENSORFLOW):
        return directory
    copy_to_read(join(directory, base_name(name)), fresh_seconds=FRESH_SECONDS)
    return str(copy_path(directory))


def _download(name: str, builder: Any) -> None:
    try:
        builder.download_and_prepare()
    except Exception as error:  # network, disk, checksums, manual downloads: each raises its own
        reason = one_line(error)
        raise DataError(f"tfds:{name} could not be prepared ({type(error).__name__}: {reason}).") from error


def require_image_feature(name: str, builder: Any) -> Any:
    """Returns the feature `image` of a TensorFlow data set.

    Raises:
        DataError: there is none.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    image = features["image"] if isinstance(features, tfds.features.FeaturesDict) and "image" in features else None
    if not isinstance(image, tfds.features.Image):
        raise DataError(f"tfds:{name} has no feature `image`; use a data set of images.")
    return image


def _image_shape(name: str, image: Any, config: DataConfig) -> Shape:
    height, width, channels = image.shape
    if channels not in (1, 3):
        raise DataError(f"tfds:{name} has images with {channels} channels; use a data set with one or three.")
    agreed = None if height is None or width is None else (height, width)
    wanted = config.reading.channels or channels
    if wanted > channels and (channels, wanted) != (1, 3):
        raise DataError(
            f"tfds:{name} has {counted(channels, 'channel')}, fewer than --channels={wanted}; leave it out."
        )
    sizes.warn_of_size(f"tfds:{name}", agreed, config.image_size, config.reading.fit)
    return (*sizes.target_size(agreed, config.image_size), wanted)


def _find_range(name: str, examples: tf.data.Dataset, settings: ReadingConfig) -> Range:
    """Range of values of the first training images."""
    first = examples.take(value_range.SAMPLED).as_numpy_iterator()
    counts = value_range.Counts(int(examples.cardinality()))
    sampled = (value_range.values_of(example["image"]) for example in first)
    return value_range.find_range(f"tfds:{name}", settings, sampled, counts)


def label_feature(builder: Any) -> Any | None:
    """Returns the feature `label` of a TensorFlow data set, if it names classes."""
    import tensorflow_datasets as tfds

    label = dict(builder.info.features.items()).get("label")
    return label if isinstance(label, tfds.features.ClassLabel) and label.num_classes is not None else None


def _open_splits(name: str, builder: Any, config: DataConfig, *, with_labels: bool) -> dict[str, tf.data.Dataset]:
    import tensorflow_datasets as tfds

    missing = [part for part in config.train_parts() if builder.info.splits and part not in builder.info.splits]
    if missing:
        raise DataError(
            f"tfds:{name} has no split `{missing[0]}`, only {', '.join(builder.info.splits)}; name one of them with "
            "--train_split, or use another data set."
        )
    wanted = {"image": True, "label": True} if with_labels else {"image": True}
    # Without metadata the splits are unknown: ask for these, and let TFDS say whether they exist.
    known = set(builder.info.splits) or {"train", "test"}
    asked = {"train": config.train_split} | {role: role for role in ("validation", "test") if role in known}
    # Each image is read once: none is kept beside those that are returned.
    reading = tfds.ReadConfig(try_autocache=False, skip_prefetch=True)
    decoders = tfds.decode.PartialDecoding(wanted)
    try:
        with _quiet():
            return {
                role: builder.as_dataset(split=split, shuffle_files=False, read_config=reading, decoders=decoders)
                for role, split in asked.items()
            }
    except AssertionError as error:
        raise not_prepared(name, builder.data_dir_root, config.data_dir) from error
    except (NotImplementedError, ValueError) as error:  # a format that cannot be streamed, a split without examples
        if config.train_split != "train":
            raise DataError(
                f"tfds:{name} has nothing to train on in --train_split={config.train_split} ({one_line(error, 200)}); "
                "write it as train[:10%] or train+unlabelled."
            ) from error
        raise not_tfrecords(f"tfds:{name}", error) from error


def not_tfrecords(source: str, error: Exception) -> DataError:
    """Returns the error for a data set or a split that TFDS prepared in a format that cannot be streamed."""
    return DataError(f"{source} cannot be read as TFRecords ({one_line(error, 200)}); prepare it in that format.")


def _read_plain(examples: tf.data.Dataset, shape: Shape, reading: Reading, with_labels: bool) -> Split:
    def pick(example: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        picture = tf.ensure_shape(resizing.fit(example["image"], shape[:2], reading.fit), shape)
        return picture, example["label"] if with_labels else tf.constant(-1, tf.int64)

    count = int(examples.cardinality())
    images = empty_images(count, shape)
    labels: npt.NDArray[np.int64] = np.empty(count, np.int64)
    at_once = max(1, min(READ_BATCH, BATCH_BYTES // math.prod(shape)))
    batches = examples.map(pick, num_parallel_calls=tf.data.AUTOTUNE).batch(at_once).prefetch(READ_AHEAD)
    for number, (pictures, numbers) in enumerate(batches.as_numpy_iterator()):
        rows = slice(number * at_once, number * at_once + len(pictures))
        images[rows], labels[rows] = pictures, numbers
    return _split(images, labels if with_labels else None)


def _read_converted(examples: tf.data.Dataset, shape: Shape, reading: Reading, with_labels: bool) -> Split:
    """Reads images whose range or channels are not those of the result."""
    count = int(examples.cardinality())
    images = empty_images(count, shape)
    labels: npt.NDArray[np.int64] = np.empty(count, np.int64)
    for row, example in enumerate(examples.prefetch(READ_AHEAD).as_numpy_iterator()):
        images[row] = fitted(Decoded(example["image"]), shape, reading)
        labels[row] = example["label"] if with_labels else -1
    return _split(images, labels if with_labels else None)


def _split(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64] | None) -> Split:
    # TFDS marks secret labels, for example of a test split, by -1.
    return Split(ArrayImages(images, shared=True), labels if labels is not None and labels.min() >= 0 else None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences TFDS's warnings of missing or old metadata; the errors that matter are reported by the callers."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
