"""Broken and odd picture files by the hundred: refused or embedded as their kind demands, and no neighbor harmed."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script
from small_runs import make_run, save_images

from aag_tf.config import ExportConfig
from aag_tf.export import export, load_saved_model

mutated = script("mutated_images")

COUNT = 116  # every kind in every format twice


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    make_run(folder / "run", save_images(folder / "data.npz", shape=(16, 16, 3)))
    export(ExportConfig(run_dir=str(folder / "run"), export_dir=str(folder / "model"), verify=False))
    return load_saved_model(folder / "model")


def test_the_same_seed_gives_the_same_files():
    first, again = (list(mutated.mutated_images(COUNT, seed=3)) for _ in range(2))
    assert first == again
    assert first != list(mutated.mutated_images(COUNT, seed=4))
    assert Counter(picture.kind for picture in first).keys() == mutated.KINDS.keys()


def test_every_file_is_refused_or_embedded_and_no_neighbor_is_harmed(model):
    known = next(iter(mutated.mutated_images(1, seed=9))).data
    reference = model.embed_bytes(tf.constant([known]))[0].numpy()[0]
    pictures = list(mutated.mutated_images(COUNT))
    contents = [data for picture in pictures for data in (picture.data, known)]
    rows, valid = (answer.numpy() for answer in model.embed_bytes(tf.constant(contents)))
    assert valid[1::2].all()
    np.testing.assert_allclose(rows[1::2], np.broadcast_to(reference, rows[1::2].shape), atol=1e-5)
    outcome = np.where(valid[::2], "embedded", "refused")
    wrong = {
        picture.name: found
        for picture, found in zip(pictures, outcome, strict=True)
        if picture.expected not in ("either", found)
    }
    assert wrong == {}
    assert not rows[::2][~valid[::2]].any()
    assert {"embedded", "refused"} == set(outcome[[picture.expected == "either" for picture in pictures]])
