"""Broken and odd picture files by the hundred: refused or embedded as their kind demands, and no neighbor harmed."""

import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script

from aag_tf.config import ExportConfig
from aag_tf.export.signatures import Networks, build_signatures

mutated = script("mutated_images")

COUNT = 116  # every kind in every format twice


@pytest.fixture(scope="module")
def embed_bytes():
    """The signature over an encoder that tells pictures apart: uint8 [16, 16, 3] to 12 means of pixels."""

    def encoder(images):
        return tf.reshape(tf.nn.avg_pool2d(tf.cast(images, tf.float32) / 255, 8, 8, "VALID"), [-1, 12])

    networks = Networks(encoder, tf.identity, (16, 16, 3), 12, 12, ExportConfig.max_pixels)
    signature = build_signatures(["embed_bytes"], networks)["embed_bytes"]
    return tf.function(signature.function, input_signature=[signature.inputs])


@pytest.fixture(scope="module")
def pictures():
    return list(mutated.mutated_images(COUNT))


def test_the_same_seed_gives_the_same_files(pictures):
    assert pictures == list(mutated.mutated_images(COUNT))
    assert pictures[:9] != list(mutated.mutated_images(9, seed=4))
    assert {picture.kind for picture in pictures} == mutated.KINDS.keys()


def test_every_file_is_refused_or_embedded_and_no_neighbor_is_harmed(embed_bytes, pictures):
    known = next(iter(mutated.mutated_images(1, seed=9))).data
    reference = embed_bytes(tf.constant([known]))["embedding"].numpy()[0]
    contents = [data for picture in pictures for data in (picture.data, known)]
    answer = embed_bytes(tf.constant(contents))
    rows, valid = answer["embedding"].numpy(), answer["valid"].numpy()
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
