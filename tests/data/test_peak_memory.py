"""Images that are kept in memory take little more than their own size while they are read."""

import dataclasses
import gc
import os
import resource
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from processes import Process

from aag_tf.config import DataConfig, PackConfig
from aag_tf.data import open_source
from aag_tf.packing.pack import pack
from aag_tf.utils.progress import no_progress

COUNT, SIDE = 1400, 224
BYTES = COUNT * SIDE * SIDE * 3  # 201 MiB
AT_MOST, SLACK = 1.25, 16 * 2**20  # times the images, and what an allocator keeps


class PlainPictures(tfds.core.GeneratorBasedBuilder):
    """Pictures of one color each."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(SIDE, SIDE, 3))})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(COUNT):
            yield number, {"image": np.full((SIDE, SIDE, 3), number % 256, np.uint8)}


def make_folder(root: Path, size: int) -> Path:
    """As many pictures as are read, and one that cannot be; each class is one file by many names."""
    pictures = root / "pictures"
    for number in range(COUNT):
        first, path = (pictures / str(each % 4) / f"{each:04}.jpg" for each in (number % 4, number))
        if number < 4:
            path.parent.mkdir(parents=True)
            noise = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(noise).resize((size, size)).save(path)
        else:
            os.link(first, path)
    (pictures / "0" / "broken.jpg").write_bytes((pictures / "0" / "0000.jpg").read_bytes()[:-300])
    return pictures


def make_folder_of_larger(root):
    return DataConfig(f"folder:{make_folder(root, 2 * SIDE)}", image_size=SIDE)


def make_table(root):
    pictures = make_folder(root, SIDE)
    table = root / "table.csv"
    table.write_text(
        "path,label\n" + "".join(f"{path},{path.parent.name}\n" for path in sorted(pictures.rglob("*.jpg")))
    )
    return DataConfig(f"csv:{table}")


def make_tfds(root):
    PlainPictures(data_dir=str(root)).download_and_prepare()
    return DataConfig("tfds:plain_pictures", data_dir=str(root))


def make_archive(root, side=SIDE):
    np.savez_compressed(root / "images.npz", images=np.broadcast_to(np.uint8(7), (COUNT, side, side, 3)))
    return DataConfig(f"npz:{root / 'images.npz'}", image_size=SIDE)


def make_archive_of_larger(root):
    return make_archive(root, side=SIDE * 5 // 4)


def make_pack(root):
    """Encoded, so that they are decoded into memory."""
    make_folder(root, SIDE)
    with no_progress():
        pack(PackConfig(output=str(root / "pack"), data=DataConfig(f"folder:{root / 'pictures'}")))
    return DataConfig(f"pack:{root / 'pack'}")


def memory_of_opening(config: DataConfig, log: Path) -> None:
    """Opens a data set, and writes how much memory that took at most, in bytes, how many images it has, and where."""
    with no_progress():
        open_source(dataclasses.replace(config, image_size=16))  # libraries and threads take memory of their own
        gc.collect()
        before = psutil.Process().memory_info().rss
        source = open_source(config)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    shares = [split for split in (source.train, source.validation, source.test) if split is not None]
    log.write_text(f"{taken} {sum(map(len, shares))} {source.train.images.storage.kind}")


@pytest.mark.parametrize(
    "make", [make_folder_of_larger, make_table, make_tfds, make_archive, make_archive_of_larger, make_pack]
)
def test_peak(make, tmp_path):
    config = make(tmp_path)
    process = Process(memory_of_opening, config, tmp_path / "taken", log=tmp_path / "log")
    assert process.finish() == 0, process.messages
    taken, count, kind = (tmp_path / "taken").read_text().split()
    assert (int(count), kind) == (COUNT, "memory")
    # What was given back before, when the images were read small, is used again.
    assert BYTES - SLACK < int(taken) < AT_MOST * BYTES + SLACK
