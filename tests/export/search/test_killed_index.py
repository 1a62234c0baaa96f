"""A collection outlives `kill -9` at every step of building its index."""

import json
import re

import pytest
from killed_steps import killed_at_every_step
from small_pictures import make_folder

from aag_tf.config import EmbedConfig, SearchConfig
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.search import index, search
from aag_tf.utils.digests import FileFacts

pytestmark = pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")  # of faiss's wrapper generator


def build(out):
    search(SearchConfig(str(out), like="0", gallery="", index="hnsw"))


def test_searches_answer_after_a_kill_at_every_step_of_an_index(tmp_path, encoder_dir):
    pytest.importorskip("faiss", reason="needs the extra `search`")
    out = tmp_path / "out"
    make_folder(tmp_path / "pictures", 12)
    embed(EmbedConfig(str(encoder_dir), str(tmp_path / "pictures"), str(out)))
    build(out)
    expected = search(SearchConfig(str(out), like="0", gallery="", index="exact")).paths
    stale = (out / "index.json").read_text().replace('"factory": "HNSW32', '"factory": "HNSW16')
    kills, left = 0, set()

    def prepare():
        (out / "index.json").write_text(stale)

    for _ in killed_at_every_step(build, out, folder=out, prepare=prepare):
        kills += 1
        left |= {re.sub(r"\.[0-9a-f]{12}$", "", path.name) for path in out.glob(".index*")}
        assert search(SearchConfig(str(out), like="0", gallery="")).paths == expected
        assert list(out.glob(".*")) == []
        assert not index.is_built(open_collection(out))
        build(out)
        assert search(SearchConfig(str(out), like="0", gallery="")).paths == expected
        assert FileFacts.of(out / "index.faiss").sha256 == json.loads((out / "index.json").read_text())["sha256"]
        assert list(out.glob(".*")) == []
    assert kills == 7  # both files are deleted, opened and renamed; and the directory is made if it is not there
    assert left == {".index.faiss", ".index.json"}
