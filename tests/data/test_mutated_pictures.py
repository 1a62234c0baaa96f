"""Broken picture files of every format are read as images or refused, and never anything else."""

import io

import numpy as np
import pytest
from benchmark_scripts import script

from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.trying import quiet_decoders

pytest.importorskip("tifffile")
pytest.importorskip("pydicom")
mutated = script("mutated_pictures")

COUNT = 365  # every kind in every format twice


@pytest.fixture(scope="module")
def files():
    return list(mutated.mutated_pictures(COUNT))


def test_the_same_seed_gives_the_same_files(files):
    assert files[:40] == list(mutated.mutated_pictures(40))
    assert {broken.kind for broken in files} == {*mutated.KINDS, "bomb"}
    assert {broken.name for broken in files} == {*mutated.good_files(), *mutated.bomb_files()}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_file_is_read_or_refused_with_a_reason(files):
    quiet_decoders()
    outcomes = {kind: set() for kind in (*mutated.KINDS, "bomb")}
    for broken in files:
        try:
            header = pictures.read_header(io.BytesIO(broken.data))
            shape = (8, 12, header.channels)
            image = pictures.decode(io.BytesIO(broken.data), shape, Reading(value_range=(0.0, 4095.0)))
        except Exception as error:
            outcomes[broken.kind].add("refused" if reason(error) else "refused for no reason")
        else:
            assert (image.shape, image.dtype) == (shape, np.uint8), broken.name
            outcomes[broken.kind].add("read")
    assert outcomes["whole"] == {"read"}
    assert set.union(*outcomes.values()) == {"read", "refused"}
    assert all("refused" in outcomes[kind] for kind in mutated.KINDS if kind != "whole")
