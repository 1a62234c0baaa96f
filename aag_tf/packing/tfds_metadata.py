"""The files that let TensorFlow Datasets read a pack, `tfds.builder_from_directory(...).as_data_source()`."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from aag_tf.data.pack.manifest import RAW, Manifest
from aag_tf.data.pack.records import IMAGE, LABEL, PATH


def write_tfds_metadata(directory: Path, manifest: Manifest) -> None:
    """Writes `dataset_info.json` and `features.json`, and `label.labels.txt` where classes have names.

    Encoded pictures are an `Image` of TensorFlow Datasets where its decoder returns what ours does, gray or RGB; others
    are bytes. Raw ones are a `Tensor`.
    """
    import tensorflow_datasets as tfds

    assert manifest.splits is not None
    assert manifest.shape is not None
    assert manifest.channels is not None
    height, width, channels = manifest.shape
    if manifest.settings.form == RAW:
        image = tfds.features.Tensor(shape=(height, width, channels), dtype=np.uint8, encoding="bytes")
    elif set(manifest.channels) <= {1, 3} and not manifest.deep:
        image = tfds.features.Image(shape=(None, None, max(manifest.channels)))
    else:
        image = tfds.features.Tensor(shape=(), dtype=np.object_)
    features = {IMAGE: image, PATH: tfds.features.Text()}
    if all(split.labeled for split in manifest.splits.values()):
        names = manifest.class_names
        features[LABEL] = tfds.features.ClassLabel(names=names) if names else tfds.features.Scalar(np.int64)
    splits = [
        tfds.core.SplitInfo(
            name=name,
            shard_lengths=[shard.images for shard in split.shards],
            num_bytes=sum(shard.bytes for shard in split.shards),
        )
        for name, split in manifest.splits.items()
    ]
    with redirect_stdout(io.StringIO()):
        tfds.folder_dataset.write_metadata(
            data_dir=directory, features=features, split_infos=splits, version="1.0.0", check_data=False
        )
