"""The Beam pipeline on Beam's own local runner: the rows of aag-embed, in whatever order."""

import os
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_pictures import BROKEN, make_folder

from aag_tf.config import EmbedConfig
from aag_tf.export import beam
from aag_tf.export.embedding import embed

pytestmark = pytest.mark.filterwarnings("default")  # Beam's own


def rows_of(path, pattern):
    rows = pq.read_table(sorted(path.glob(pattern))).to_pylist()
    return {row["path"]: row for row in rows}, len(rows)


@pytest.mark.parametrize("settings", [{}, {"normalize": True, "dtype": "float16"}])
def test_gives_the_rows_of_aag_embed(tmp_path, encoder_dir, settings):
    pytest.importorskip("apache_beam", reason="needs the extra `beam`")
    make_folder(tmp_path / "pictures", 30)
    (tmp_path / "pictures" / ".hidden").mkdir()
    (tmp_path / "pictures" / ".hidden" / "x.png").touch()
    os.mkfifo(tmp_path / "pictures" / "pipe.png")
    (tmp_path / "pictures" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"no picture")
    embed(EmbedConfig(str(encoder_dir), str(tmp_path / "pictures"), str(tmp_path / "out"), **settings))
    expected, count = rows_of(tmp_path / "out" / "parquet", "part-*.parquet")
    flags = [
        f"--saved_model={encoder_dir}",
        f"--input={tmp_path / 'pictures'}",
        f"--output={tmp_path / 'beam' / 'part'}",
    ]
    flags += ["--normalize", "--dtype=float16"] if settings else []
    assert beam.main([*flags, "--batch_size=7", "--runner=DirectRunner"]) == 0
    found, same_count = rows_of(tmp_path / "beam", "part-*.parquet")
    assert count == same_count == 32
    assert found.keys() == expected.keys()
    tolerance = 1e-3 if settings else 1e-6
    for path, row in expected.items():
        assert (found[path]["ok"], found[path]["error"]) == (row["ok"], row["error"])
        if row["ok"]:
            np.testing.assert_allclose(found[path]["embedding"], row["embedding"], atol=tolerance)
    assert {path for path, row in found.items() if not row["ok"]} == {*BROKEN, "pipe.png", r"caf\xe9.png"}


def test_a_list_of_paths_loses_no_missing_file(tmp_path, encoder_dir):
    pytest.importorskip("apache_beam", reason="needs the extra `beam`")
    make_folder(tmp_path / "pictures")
    paths = [str(tmp_path / "pictures" / name) for name in ("a/00.png", "missing.png")]
    (tmp_path / "list.txt").write_text("\n".join(paths) + "\n\n")
    flags = [f"--saved_model={encoder_dir}", f"--input=list:{tmp_path / 'list.txt'}", f"--output={tmp_path / 'part'}"]
    assert beam.main([*flags, "--runner=DirectRunner"]) == 0
    found, count = rows_of(tmp_path, "part-*.parquet")
    assert count == 2
    assert [found[path]["ok"] for path in paths] == [True, False]


def test_without_beam_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert beam.main(["--saved_model=m", "--input=i", "--output=o"]) == 1
    assert "pip install 'aag-tf[beam]'" in capsys.readouterr().err
