"""`tfds:`: the encoded pictures of a prepared TensorFlow data set, in whichever format it was prepared."""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import PackConfig
from aag_tf.data.sources import tfds_source
from aag_tf.data.sources.unprepared import not_prepared
from aag_tf.packing.items import Item, ItemSource
from aag_tf.utils.errors import DataError, PackError


class TfdsItems(ItemSource):
    """The pictures of a TensorFlow data set, streamed.

    Args:
        dataset: value of `--dataset`.
        builder: of the data set, prepared.
        parts: what each split is in the words of TensorFlow Datasets.
    """

    def __init__(self, dataset: str, builder: Any, parts: dict[str, str]) -> None:
        self._dataset, self._builder, self._parts = dataset, builder, parts
        self._label = tfds_source.label_feature(builder)

    @property
    @override
    def facts(self) -> dict[str, Any]:
        stamps = []
        for part in self._parts.values():
            for name in sorted(self._builder.info.splits[part].filenames):
                path = Path(self._builder.data_dir, name)
                stamps.append([name, path.stat().st_size if path.exists() else None])
        content = json.dumps([self._builder.info.full_name, self._parts, stamps])
        return {"dataset": self._dataset, "digest": hashlib.sha256(content.encode()).hexdigest()}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {role: self._builder.info.splits[part].num_examples for role, part in self._parts.items()}

    @property
    @override
    def class_names(self) -> list[str] | None:
        return None if self._label is None else list(self._label.names)

    @property
    @override
    def size(self) -> int:
        return sum(self._builder.info.splits[part].num_bytes for part in self._parts.values())

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        try:
            for number, example in enumerate(self._examples(self._parts[split], start, stop), start):
                name = example["tfds_id"].decode() if "tfds_id" in example else f"{split}#{number}"
                label = -1 if self._label is None else int(example["label"])
                # TFDS marks secret labels by -1.
                yield Item(name, None if label < 0 else label, functools.partial(bytes, example["image"]))
        except (tf.errors.OpError, OSError) as error:
            raise PackError(f"{self._dataset} can no longer be read ({type(error).__name__}); restore it.") from error

    def _examples(self, part: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        import tensorflow_datasets as tfds

        skip = tfds.decode.SkipDecoding()
        try:
            # One file after the other, for the same order on every machine.
            config = tfds.ReadConfig(add_tfds_id=True, interleave_cycle_length=1)
            examples = self._builder.as_dataset(
                split=part, shuffle_files=False, read_config=config, decoders={"image": skip}
            )
        except NotImplementedError:  # a format for random access
            found = self._builder.as_data_source(split=part, decoders={"image": skip})
            return map(found.__getitem__, range(start, stop))
        return examples.skip(start).take(stop - start).as_numpy_iterator()


def open_tfds(rest: str, config: PackConfig) -> TfdsItems:
    """Opens a prepared TensorFlow data set; nothing is decoded.

    Raises:
        DataError: it is unknown or not prepared, or has no images or no such split.
    """
    builder = tfds_source.open_builder(rest, config.data)
    image = tfds_source.require_image_feature(rest, builder)
    if np.dtype(image.np_dtype).kind == "f":
        raise DataError(
            f"tfds:{rest} has images of {np.dtype(image.np_dtype)}, which TensorFlow Datasets encodes in its own way; "
            "save them as files, and pack those."
        )
    if not builder.info.splits:
        raise not_prepared(rest, os.fspath(builder.data_dir_root), config.data.data_dir)
    parts = {"train": config.data.train_split}
    parts |= {role: role for role in ("validation", "test") if role in builder.info.splits}
    for part in parts.values():
        try:
            builder.info.splits[part]
        except (KeyError, ValueError) as error:
            known = ", ".join(builder.info.splits)
            raise DataError(
                f"tfds:{rest} has no split `{part}`, only {known}; name one of them with --train_split."
            ) from error
    return TfdsItems(config.data.dataset, builder, parts)
