"""The images that a caller of `train` passes in place of `--dataset`, as a data set."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from aag_tf.config import DataConfig, PackConfig
from aag_tf.data.pack.source import read_pack
from aag_tf.data.sources.given import NAME, RandomAccess, given_source
from aag_tf.data.splits import Source
from aag_tf.packing.output import Output
from aag_tf.packing.pack import pack_items
from aag_tf.packing.sources.streams import StreamItems
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.progress import no_progress
from aag_tf.utils.scratch import scratch_directory

PREFIX = "aag_tf_given_"
OWN = re.compile(rf"{PREFIX}[0-9a-f]{{8}}")


@contextlib.contextmanager
def open_given(images: Any, labels: Any, config: DataConfig) -> Iterator[Source]:
    """Opens images that were passed; a `tf.data.Dataset` is packed into a directory that is deleted after the block.

    Args:
        images: as for `train`.
        labels: of an array or a data source, integers [n].
        config: of the run; `image_size` and `reading` apply.

    Raises:
        ConfigError: they are of another type.
        DataError: there are none, or they are no uint8 images.
    """
    if not isinstance(images, tf.data.Dataset):
        if not isinstance(images, RandomAccess) or isinstance(images, str | bytes):
            raise ConfigError(
                f"train(images=...) takes a uint8 array, a data source with __len__ and __getitem__, or a finite "
                f"tf.data.Dataset, and got a {type(images).__name__}; pass one of these."
            )
        yield given_source(images, labels, config)
        return
    if labels is not None:
        raise ConfigError("train(labels=...) belongs to an array or a data source; give a tf.data.Dataset its own.")
    with scratch_directory(Path(tempfile.gettempdir()), PREFIX, OWN, mode=0o700) as scratch:
        directory = scratch / "pack"  # which is locked while it is written, and so is the other
        logger.info(
            "Packing the tf.data.Dataset into %s, since training needs its images in any order; that is deleted at the "
            "end (TMPDIR names another disk).",
            directory,
        )
        source = StreamItems(images, config)
        packed = PackConfig(output=str(directory), form="raw", data=DataConfig(dataset=config.dataset))
        with no_progress():
            pack_items(packed, source, Output(directory))
        opened = read_pack(str(directory), config)
        yield Source(NAME, opened.train, class_names=opened.class_names, reading=opened.reading)
