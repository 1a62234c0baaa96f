"""Inputs as people have them: training data, evaluation, an export and bulk embedding see the same images.

Each case makes its input and says how many images of which classes each split has, and the pixels of one of them.
"""

import csv
import io
import json
import tarfile
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from loaded_once import load_once
from PIL import Image
from small_runs import make_run

from aag_tf.config import (
    DataConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    LayoutConfig,
    ProtocolConfig,
    ReadingConfig,
)
from aag_tf.data import open_source
from aag_tf.evaluation import evaluate
from aag_tf.export import export
from aag_tf.export.embedding import embed

pytestmark = pytest.mark.usefixtures("exports_loaded_once")
SIDE = 16
KNN = ProtocolConfig(measures="knn", baselines="none")


def picture(kind, number):
    """A smooth pattern of its class, with noise: uint8 [side, side, 3]."""
    y, x = np.mgrid[:SIDE, :SIDE]
    bands = [(np.sin(x / 3 + kind) + 1) * 100, (np.cos(y / 4 + kind) + 1) * 100, (3 * (x + y) + 40 * kind) % 255]
    noise = np.random.default_rng(100 * kind + number).normal(0, 10, (SIDE, SIDE, 3))
    return np.clip(np.stack(bands, axis=-1) + noise, 0, 255).astype(np.uint8)


def encoded(pixels, kind="PNG", **options):
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, kind, **options)
    return held.getvalue()


def decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def save(folder, kind, count, name="{:02}.png", form="PNG", **options):
    """Writes pictures of a class; returns the pixels of the first as they are decoded."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / name.format(number)).write_bytes(encoded(picture(kind, number), form, **options))
    return decoded((folder / name.format(0)).read_bytes())


class Case(NamedTuple):
    """What is right for an input.

    Args:
        dataset: value of `--dataset`.
        counts: images of train, validation and test; `None` for a split that there is not.
        classes: their names; `None` for images without labels.
        pixels: of one of the images, uint8 [side, side, 3].
        embed: what `aag-embed` takes, if it is not the data set.
        rows: images that it embeds.
        settings: of the data set.
    """

    dataset: str
    counts: tuple
    classes: list | None
    pixels: np.ndarray
    embed: str
    rows: int
    settings: Mapping[str, Any] = MappingProxyType({})


def splits(root, train, test, *, named=(12, 6)):
    """Two split folders of classes a, b and c."""
    for folder, count in zip((train, test), named, strict=True):
        for kind, own in enumerate("abc"):
            first = save(root / folder / own, kind, count)
    held_out = 3 * named[1]
    return Case(f"folder:{root}", (33, 3, held_out), list("abc"), first, f"folder:{root}", 36 + held_out)


def capital(root):
    return splits(root, "Training", "Testing")


def prefixed(root):
    return splits(root, "seg_train/seg_train", "seg_test/seg_test")


def wrapped(root):
    return splits(root, "train/train", "test/test")


def images_first(root):
    for split, count in (("train", 20), ("val", 6)):
        for kind, own in enumerate("ab"):
            first = save(root / "images" / split / own, kind, count)
    return Case(f"folder:{root}", (36, 4, 12), ["a", "b"], first, f"folder:{root}", 52)


def stray(root):
    for kind, own in enumerate("ab"):
        first = save(root / own, kind, 20)
    save(root, 2, 1, "cover.png")
    return Case(f"folder:{root}", (29, 3, 8), ["a", "b"], first, f"folder:{root}", 41)


def by_date(root, labels="auto"):
    names = ["2024-01", "2024-02", "2024-03"]
    for kind, own in enumerate(names):
        first = save(root / own, kind, 10)
    return Case(f"folder:{root}", (22, 2, 6), names, first, f"folder:{root}", 30)


def by_date_without_labels(root):
    case = by_date(root)
    return case._replace(counts=(27, 3, None), classes=None, settings={"layout": LayoutConfig(labels="none")})


def of_format(root, name, form, **options):
    for kind, own in enumerate("ab"):
        first = save(root / own, kind, 10, name, form, **options)
    return Case(f"folder:{root}", (15, 1, 4), ["a", "b"], first, f"folder:{root}", 20)


def avif(root):
    return of_format(root, "{:02}.avif", "AVIF")


def jpeg2000(root):
    return of_format(root, "{:02}.jp2", "JPEG2000")


def no_suffix(root):
    return of_format(root, "{:032x}", "JPEG", quality=95)


def renamed(root):
    case = of_format(root, "{:02}.png", "PNG")
    save(root / "b", 1, 5, "renamed_{}.jpg", "AVIF")
    return case._replace(counts=(18, 2, 5), rows=25)


def pages(root):
    """Two files of twelve pages each; a file is never divided, so that none is held out."""
    for kind, own in enumerate("ab"):
        (root / own).mkdir(parents=True)
        first, *others = [Image.fromarray(picture(kind, number)) for number in range(12)]
        first.save(root / own / "stack.tif", save_all=True, append_images=others)
    each = {"reading": ReadingConfig(pages="each"), "layout": LayoutConfig(labels="none")}
    pixels = picture(1, 11)
    return Case(f"folder:{root}", (24, None, None), None, pixels, f"folder:{root}", 2, each)


def fourth_band(root):
    """RGB and near infrared, which no tag calls transparency."""
    for kind, own in enumerate("ab"):
        (root / own).mkdir(parents=True)
        for number in range(10):
            bands = np.concatenate([picture(kind, number), np.full((SIDE, SIDE, 1), 30, np.uint8)], axis=-1)
            tifffile = pytest.importorskip("tifffile")
            tifffile.imwrite(root / own / f"{number:02}.tif", bands, photometric="rgb", extrasamples=(0,))
    three = {"reading": ReadingConfig(channels=3)}
    return Case(f"folder:{root}", (15, 1, 4), ["a", "b"], picture(1, 0), f"folder:{root}", 20, three)


def named_files(root):
    """Two classes of 12 files; returns them as (path, class)."""
    pairs = []
    for kind, own in enumerate("ab"):
        first = save(root / "base" / own, kind, 12)
        pairs += [(str(path), own) for path in sorted((root / "base" / own).iterdir())]
    return pairs, first


def listed(root):
    pairs, first = named_files(root)
    (root / "paths.txt").write_text("\ufeff" + "\r\n".join(f'"{path}"' for path, _ in pairs))
    return Case(f"list:{root}/paths.txt", (18, 2, 4), ["a", "b"], first, f"list:{root}/paths.txt", 24)


def table(root):
    pairs, first = named_files(root)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("image", "class"), *pairs])
    return Case(f"csv:{root}/labels.csv", (18, 2, 4), ["a", "b"], first, f"csv:{root}/labels.csv", 24)


def archive(root):
    pairs, first = named_files(root)
    with tarfile.open(root / "shard-000.tar", "w") as shard:
        for number, (path, own) in enumerate(pairs):
            shard.add(path, f"{number:06}.png")
            info = tarfile.TarInfo(f"{number:06}.cls")
            info.size = 1
            shard.addfile(info, io.BytesIO(own.encode()))
    return Case(f"tar:{root}/shard-000.tar", (18, 2, 4), ["a", "b"], first, f"tar:{root}/shard-000.tar", 24)


def large(root):
    """Above the limit of pixels that is set here, for which the flag stands."""
    case = of_format(root, "{:02}.png", "PNG")
    return case._replace(settings={"reading": ReadingConfig(max_pixels=SIDE * SIDE)})


CASES = (capital, prefixed, wrapped, images_first, stray, by_date, by_date_without_labels, avif, jpeg2000, no_suffix)
CASES = (*CASES, renamed, pages, fourth_band, listed, table, archive, large)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An encoder of RGB images, which was not trained, and its export."""
    root = tmp_path_factory.mktemp("encoder")
    for kind, own in enumerate("ab"):
        save(root / "images" / own, kind, 8)
    make_run(root / "run", f"folder:{root}/images", image_size=SIDE)
    export(ExportConfig(run_dir=str(root / "run"), export_dir=str(root / "served"), verify=False))
    return root / "served"


def every_pixel(source):
    parts = [part for part in (source.train, source.validation, source.test) if part is not None]
    return np.concatenate([part.images.numpy(np.arange(len(part))) for part in parts])


@pytest.mark.parametrize("make", CASES)
def test_all_see_the_same_images(make, exported, tmp_path):
    case = make(tmp_path / "input")

    # Training.
    source = open_source(DataConfig(case.dataset, image_size=SIDE, **case.settings))
    parts = (source.train, source.validation, source.test)
    assert tuple(part and len(part) for part in parts) == case.counts
    assert source.class_names == case.classes
    assert (source.train.labels is None) == (case.classes is None)
    images = every_pixel(source)
    assert any((image == case.pixels).all() for image in images)

    # Evaluation, which reads by the settings of the export's run where an option of the command is none.
    if case.classes is not None and not case.settings:
        evaluation = evaluate(EvaluateConfig(saved_model=str(exported), dataset=case.dataset, protocol=KNN))
        data = json.loads(evaluation.to_json())["data"]
        assert (data["num_bank"], data["num_queries"]) == (case.counts[0] + case.counts[1], case.counts[2])
        assert data["class_names"] == case.classes

    # The export and bulk embedding.
    encoder = load_once(exported)
    (expected,) = encoder(case.pixels[np.newaxis]).numpy()
    output = tmp_path / "embedded"
    report = embed(EmbedConfig(saved_model=str(exported), input=case.embed, output=str(output)))
    assert (report.images, report.embedded) == (case.rows, case.rows)
    if make is not pages:  # of which an encoder of first pages embeds those
        rows = np.load(output / "embeddings.npy")
        assert np.abs(rows - expected).max(axis=1).min() <= 1e-5
