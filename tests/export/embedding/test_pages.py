"""An encoder that was trained on each page embeds each page, in the range and up to the size of its training."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from raw_tiff import page, tiff

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed, open_collection

NOISE = np.random.default_rng(0).integers(0, 4096, (3, 8, 8), np.uint16)


@pytest.fixture(scope="module")
def of_pages(encoder_dir, tmp_path_factory):
    """The encoder as if it had been trained on each page of 12-bit files."""
    folder = tmp_path_factory.mktemp("served") / "1"
    shutil.copytree(encoder_dir / "1", folder)
    content = json.loads((folder / "model.json").read_text())
    content["reading"] |= {"pages": "each", "value_range": [0.0, 4095.0], "max_pixels": 100}
    (folder / "model.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def job(of_pages, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.tif").write_bytes(tiff(*map(page, NOISE)))
    levels = np.round(NOISE / 4095 * 255).astype(np.uint8)
    for number, image in enumerate(levels):
        Image.fromarray(image).save(folder / f"b{number}.png")
    Image.fromarray(np.zeros((9, 12), np.uint8)).save(folder / "large.png")
    return lambda **settings: EmbedConfig(
        **{"saved_model": str(of_pages), "input": str(folder), "output": str(tmp_path / "out")} | settings
    )


def rows_of(path):
    return {row["path"]: row for row in pq.read_table(path / "parquet").to_pylist()}


def test_each_page_has_a_row(job, tmp_path):
    embed(job())
    rows = rows_of(tmp_path / "out")
    assert list(rows) == ["a.tif", "a.tif#page=2", "a.tif#page=3", "b0.png", "b1.png", "b2.png", "large.png"]
    for number, name in enumerate(["a.tif", "a.tif#page=2", "a.tif#page=3"]):
        np.testing.assert_allclose(rows[name]["embedding"], rows[f"b{number}.png"]["embedding"], atol=1e-6)
    assert rows["large.png"]["error"] == "12x9 pixels are more than the 100 that are decoded (--max_pixels)"
    items = open_collection(tmp_path / "out").items([1, 2])
    assert [(items[row].name, items[row].page) for row in (1, 2)] == [("a.tif#page=2", 1), ("a.tif#page=3", 2)]


def test_larger_pictures_are_embedded_on_request_and_an_update_knows_pages(job, tmp_path):
    embed(job(max_pixels=108))
    assert rows_of(tmp_path / "out")["large.png"]["ok"]
    (tmp_path / "pictures" / "c.tif").write_bytes(tiff(*map(page, NOISE[::-1])))
    report = embed(job(update=True))
    rows = rows_of(tmp_path / "out")
    assert list(rows)[7:] == ["c.tif", "c.tif#page=2", "c.tif#page=3"]
    np.testing.assert_allclose(rows["c.tif#page=3"]["embedding"], rows["a.tif"]["embedding"], atol=1e-6)
    assert report.new == 3
