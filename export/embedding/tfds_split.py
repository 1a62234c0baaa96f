"""`tfds:NAME[/CONFIG][:VERSION]/SPLIT`: the encoded images of a prepared TensorFlow data set, in its files' order."""

import functools
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from aag_tf.config import DataConfig, InputConfig
from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.sources import tfds_source
from aag_tf.export.embedding.items import Input, Item
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import command_line

LISTED = {"name": str, "split": str, "data_dir": str | None, "rows": int, "digest": str}


def source_of(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes a split of a prepared data set.

    Raises:
        DataError: no split is named, or there is no such data set or split, or it has no images.
    """
    name, slash, split = rest.rpartition("/")
    if not slash or not name or not split:
        raise DataError(f"--input={config.input} names no split; write it as tfds:NAME/SPLIT, say tfds:cifar10/test.")
    data_dir = tfds_source.data_directory(config.data_dir)
    builder = tfds_source.open_builder(name, DataConfig(dataset=f"tfds:{name}", data_dir=data_dir))
    if not builder.info.splits:
        raise DataError(
            f"tfds:{name} is not prepared; where there is a network, run `{command_line('tfds', 'build', name)}`."
        )
    try:
        builder.info.splits[split]
    except (KeyError, ValueError) as error:
        known = ", ".join(builder.info.splits)
        raise DataError(f"tfds:{name} has no split {split}; name one of {known}, or a part of one.") from error
    if tfds_source.require_image_feature(name, builder).np_dtype == np.float32:
        raise DataError(f"tfds:{name} has floating-point images, which TFDS stores encoded; save them as files.")
    return {"source": f"tfds:{builder.info.full_name}/{split}", "name": name, "split": split, "data_dir": data_dir}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether the split has examples."""
    return _split(_builder(source), source).num_examples > 0


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Counts the images, from the metadata of the data set."""
    builder = _builder(source)
    split = _split(builder, source)
    stamps = [(name, stamp_of(Path(builder.data_dir, name))) for name in sorted(split.filenames)]
    digest = hashlib.sha256(json.dumps([source["source"], split.num_examples, stamps]).encode()).hexdigest()
    return {"rows": split.num_examples, "digest": digest}


def open_input(listing: dict[str, Any], directory: Path) -> "TfdsSplit":
    """Opens the split that was listed.

    Raises:
        DataError: it is gone, or was prepared again.
    """
    source = {key: listing[key] for key in ("source", "name", "split", "data_dir")}
    if list_input(source, directory)["digest"] != listing["digest"]:
        raise DataError(f"{listing['source']} was prepared again since it was listed; embed again with --overwrite.")
    return TfdsSplit(listing)


class TfdsSplit(Input):
    """The encoded images of one split, named by the identifiers of TFDS.

    Raises:
        DataError: it was prepared in another format than TFRecord.
    """

    def __init__(self, listing: dict[str, Any]) -> None:
        import tensorflow_datasets as tfds

        self._rows = listing["rows"]
        try:
            self._examples = _builder(listing).as_dataset(
                split=listing["split"],
                shuffle_files=False,
                # One file after the other, for the same order on every machine.
                read_config=tfds.ReadConfig(add_tfds_id=True, interleave_cycle_length=1),
                decoders={"image": tfds.decode.SkipDecoding()},
            )
        except NotImplementedError as error:
            raise tfds_source.not_tfrecords(listing["source"], error) from error

    @override
    def __len__(self) -> int:
        return self._rows

    @override
    def items(self, start: int, stop: int) -> Iterator[Item]:
        for example in self._examples.skip(start).take(stop - start).as_numpy_iterator():
            yield Item(example["tfds_id"].decode(), functools.partial(io.BytesIO, example["image"]))


def _split(builder: Any, source: dict[str, Any]) -> Any:
    try:
        return builder.info.splits[source["split"]]
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{source['source']} is not prepared here; restore it, or name its directory with TFDS_DATA_DIR."
        ) from error


def _builder(source: dict[str, Any]) -> Any:
    config = DataConfig(dataset=f"tfds:{source['name']}", data_dir=source["data_dir"])
    return tfds_source.open_builder(source["name"], config)
