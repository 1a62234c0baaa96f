"""Disks that are full, have no inodes left or may only be read: one sentence, nothing lost, and work goes on later.

They are real: a tmpfs of any size is mounted, where the tests may do that.
"""

import re
import shutil

import pytest
from small_disk import small_disk
from small_pictures import make_folder

from aag_tf.config import EmbedConfig, ExportConfig, SearchConfig
from aag_tf.export import export
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.publishing import staged
from aag_tf.export.search import search
from aag_tf.utils.errors import EmbeddingError, ExportError

pytestmark = pytest.mark.usefixtures("exports_loaded_once")
FULL = "No space left on device"


@pytest.fixture
def disk(tmp_path):
    """A disk of a certain size, to be mounted."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, encoder_dir):
    """Twelve pictures and their embeddings, in three files."""
    folder = tmp_path_factory.mktemp("embedded")
    make_folder(folder / "pictures", 12)
    embed(job(folder, encoder_dir, folder / "out"))
    return folder


def job(folder, encoder_dir, output, **settings):
    return EmbedConfig(str(encoder_dir), str(folder / "pictures"), str(output), shard_size=5, **settings)


def files(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "input.jsonl")
    }


# The disk, the output and its manifest take three inodes, the list and parquet/ two, and so on; a page has 4 KiB.
@pytest.mark.parametrize(
    "limit", [*(f"nr_inodes={count}" for count in range(2, 11)), "size=8k", "size=20k", "size=28k"]
)
def test_an_embedding_goes_on_when_a_full_disk_has_room_again(disk, embedded, encoder_dir, limit):
    out = disk.path / "out"
    disk.mount(limit)
    with pytest.raises(EmbeddingError) as error:
        embed(job(embedded, encoder_dir, out))
    assert re.fullmatch(
        rf"--output={out} cannot be written \({FULL}: {out}\S*\); fix that, then give the same command again, with "
        r"--resume where it had begun\.",
        str(error.value),
    )
    disk.change("nr_inodes=1000", "size=1m")
    embed(job(embedded, encoder_dir, out, resume=(out / "manifest.json").exists()))
    assert files(out) == files(embedded / "out")
    assert not [name for name in disk.names() if "/." in name]


def test_a_collection_on_a_disk_that_may_only_be_read(disk, embedded, encoder_dir):
    disk.mount("size=1m")
    out = shutil.copytree(embedded / "out", disk.path / "out")
    before = files(out)
    disk.change("ro")
    assert len(open_collection(out)) == 12
    expected = search(SearchConfig(str(embedded / "out"), like="0", gallery="")).paths
    assert search(SearchConfig(str(out), like="0", gallery="", verify=True)).paths == expected
    for settings in ({"resume": True}, {"update": True}, {"overwrite": True}):
        with pytest.raises(EmbeddingError, match=rf"^--output={out} cannot be written"):
            embed(job(embedded, encoder_dir, out, **settings))
    pytest.importorskip("faiss", reason="needs the extra `search`")
    with pytest.raises(EmbeddingError) as error:
        search(SearchConfig(str(out), like="0", gallery="", index="hnsw"))
    assert str(error.value) == (
        f"{out / 'index.faiss'} cannot be written (Read-only file system); search with --index=exact."
    )
    assert files(out) == before


@pytest.mark.parametrize(("kind", "spare"), [("inodes", 0), ("inodes", 1), ("pages", 0), ("pages", 1)])
def test_an_index_that_finds_no_room_leaves_the_collection_as_it_was(disk, embedded, kind, spare):
    pytest.importorskip("faiss", reason="needs the extra `search`")
    disk.mount("size=1m")
    out = shutil.copytree(embedded / "out", disk.path / "out")
    before = files(out)
    pages = sum(-(-path.stat().st_size // 4096) for path in out.rglob("*") if path.is_file())
    inodes = len(disk.names()) + 1  # with that of the disk
    disk.change(f"nr_inodes={inodes + spare}" if kind == "inodes" else f"size={4 * (pages + spare)}k")
    with pytest.raises(EmbeddingError, match=rf"^{out / 'index.faiss'} cannot be written.*--index=exact\.$") as error:
        search(SearchConfig(str(out), like="0", gallery="", index="hnsw"))
    assert "\n" not in str(error.value)
    assert files(out) == before
    assert search(SearchConfig(str(out), like="0", gallery="")).paths
    disk.change("nr_inodes=1000", "size=1m")
    search(SearchConfig(str(out), like="0", gallery="", index="hnsw"))
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("limit", ["nr_inodes=4", "nr_inodes=7", "nr_inodes=10", "size=40k", "size=100k"])
def test_an_export_that_finds_no_room_leaves_the_version_before_it(disk, run, limit):
    models = disk.path / "models"
    disk.mount("size=4m")
    with staged(models / "1", overwrite=False) as staging:
        (staging / "precious").write_text("kept")
    disk.change(limit)
    config = ExportConfig(run_dir=run[0], export_dir=str(models), signatures="serving_default", verify=False)
    for settings in ({}, {"version": 1, "overwrite": True}):
        with pytest.raises(ExportError) as error:
            export(ExportConfig(**vars(config) | settings))
        assert "cannot be written" in str(error.value)
        assert FULL in str(error.value)
        assert "\n" not in str(error.value)
        assert disk.names() == ["models", "models/1", "models/1/precious"]
    disk.change("nr_inodes=1000", "size=4m")
    export(config)
    assert {"models/2/saved_model.pb", "models/1/precious"} <= set(disk.names())


def test_an_export_to_a_disk_that_may_only_be_read(disk, run):
    disk.mount("size=4m", "ro")
    with pytest.raises(ExportError, match=rf"^--export_dir={disk.path / 'models'} cannot be written; name a directory"):
        export(ExportConfig(run_dir=run[0], export_dir=str(disk.path / "models"), verify=False))
