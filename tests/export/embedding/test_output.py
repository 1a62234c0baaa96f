"""The output's directory: nothing of anybody's is overwritten, and one process writes at a time."""

import dataclasses
import errno
import json
import os

import pytest

from aag_tf.export.embedding.manifest import EncoderFacts, Manifest, Settings
from aag_tf.export.embedding.output import Output
from aag_tf.utils.errors import EmbeddingError

MANIFEST = Manifest(
    {"kind": "folder", "source": "s", "rows": 12, "digest": "d"},
    EncoderFacts("m", "d", (8, 8, 1), 32),
    Settings(normalize=False, dtype="float32", numpy=True, shard_size=5),
    embedded=0,
    broken=[],
)


@pytest.fixture
def output(tmp_path):
    return Output(tmp_path / "out")


def refused(output, words, **flags):
    with pytest.raises(EmbeddingError, match=words) as refusal:
        output.check(**{"resume": False, "overwrite": False} | flags)
    assert "\n" not in str(refusal.value)


def test_an_empty_or_new_directory_may_be_used(output):
    output.check(resume=False, overwrite=False)
    output.path.mkdir()
    output.check(resume=False, overwrite=True)
    refused(output, "holds nothing to resume", resume=True)


def test_foreign_files_are_never_deleted(output):
    output.path.mkdir()
    (output.path / "thesis.tex").touch()
    refused(output, "already exists; add --resume")
    refused(output, "aag-embed did not write", overwrite=True)
    refused(Output(output.path / "thesis.tex"), "is a file")


def test_an_earlier_output_is_resumed_or_overwritten_on_request(output):
    with output.writing():
        output.write_manifest(MANIFEST)
    refused(output, "already exists; add --resume")
    output.check(resume=True, overwrite=False)
    output.check(resume=False, overwrite=True)
    output.clear()
    assert list(output.path.iterdir()) == []


def test_nothing_but_its_own_files_is_deleted(output):
    with output.writing():
        output.write_manifest(MANIFEST)
    own = ["input.jsonl", "embeddings.npy", "paths.txt", "index.faiss", "index.json"]
    own += ["parquet/part-00000-of-00001.parquet", "parquet/part-123456-of-123457.parquet"]
    own += ["damaged/part-00000-of-00001.parquet", "damaged/part-00000-of-00001.parquet.2", "damaged/embeddings.npy"]
    halves = [".manifest.json.0a1b2c3d4e5f", ".embeddings.npy", ".index.faiss.0a1b2c3d4e5f"]
    halves += ["parquet/.part-00000-of-00001.parquet"]
    foreign = [".gitignore", ".hidden.npy", "notes.txt", "paths.txt.bak", "pics/a.jpg", "pics/.embeddings.npy"]
    foreign += ["parquet/mine.parquet", "parquet/.mine", "damaged/mine.parquet"]
    for name in [*own, *halves, *foreign]:
        (output.path / name).parent.mkdir(exist_ok=True)
        (output.path / name).touch()

    def content():
        return {str(file.relative_to(output.path)) for file in output.path.rglob("*") if file.is_file()}

    output.remove_leftovers()
    assert content() == {*own, *foreign, "manifest.json"}
    output.clear()
    assert content() == set(foreign)


def test_half_written_files_are_deleted_when_nobody_writes_them(output):
    half = output.path / ".index.faiss"
    with output.writing():
        half.touch()
        output.remove_abandoned()
        assert half.exists()
    output.remove_abandoned()
    assert not half.exists()


def test_the_manifest_goes_last(output, monkeypatch):
    with output.writing():
        output.write_manifest(MANIFEST)
    output.names.touch()
    unlink, seen = type(output.path).unlink, []

    def watched(path, **settings):
        seen.append(output.manifest.exists())
        unlink(path, **settings)

    monkeypatch.setattr(type(output.path), "unlink", watched)
    output.clear()
    assert len(seen) > 1
    assert all(seen)  # it was there whenever something was still to be deleted
    assert not output.manifest.exists()


def test_two_processes_do_not_write_at_once(output):
    with (
        output.writing(),
        pytest.raises(EmbeddingError, match="is being written by another process"),
        Output(output.path).writing(),
    ):
        pass
    with output.writing():
        pass


def test_where_there_are_no_locks_it_is_written_all_the_same(output, monkeypatch):
    def refuse(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with output.writing():
        output.write_manifest(MANIFEST)
    assert output.manifest.exists()


def test_a_disk_error_is_one_sentence(output):
    with (
        pytest.raises(EmbeddingError, match=r"cannot be written .No space left on device.; .*--resume"),
        output.converting_os_errors(),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    output.path.write_text("a file")
    with pytest.raises(EmbeddingError, match=r"cannot be written .File exists."), output.writing():
        pass


def test_what_fails_elsewhere_is_not_the_outputs_fault(output):
    with pytest.raises(OSError, match="Input/output error"), output.writing():
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged .it holds no object"),
        ("[" * 100_000, "is damaged .it is nested too deeply"),
        ("{}", "was not written by aag-embed"),
        ('{"format": "aag_tf.embeddings", "format_version": 9}', "format version 9 and this package reads 1"),
    ],
)
def test_refuses_a_manifest_of_another_kind(output, content, words):
    output.path.mkdir()
    with pytest.raises(EmbeddingError, match="was not written by aag-embed"):
        output.read_manifest()
    output.manifest.write_text(content)
    with pytest.raises(EmbeddingError, match=words):
        output.read_manifest()


@pytest.mark.parametrize(
    ("part", "facts", "words"),
    [
        ("model", None, "it has no .model"),
        ("model", {"path": "m", "digest": "d", "image_shape": [8, 8, 1]}, "it has no .model.embedding_dim"),
        ("model", {"path": "m", "digest": "d", "image_shape": [8, 0, 1], "embedding_dim": 1}, "out of range"),
        ("settings", {"normalize": 1}, "its .settings.normalize. is not bool"),
        ("settings", {"normalize": True, "dtype": "float32", "numpy": True, "shard_size": 0}, "out of range"),
        ("input", {"kind": "folder", "source": "s", "rows": 10**30, "digest": "d"}, "out of range"),
        ("input", ["folder"], "its .input. is not"),
        ("input", {"kind": "folder", "source": "s", "rows": "12"}, "its .input. has no .rows"),
        ("input", {"kind": "folder", "source": "s"}, "its .input. has no .rows"),
        ("embedded", "all", "its .embedded. is not int"),
        ("broken", None, "it has .embedded. and no .broken"),
    ],
)
def test_refuses_a_manifest_that_lacks_what_is_relied_on(output, part, facts, words):
    output.path.mkdir()
    output.write_manifest(MANIFEST)
    assert output.read_manifest() == MANIFEST
    output.manifest.write_text(json.dumps(MANIFEST.to_json() | {part: facts}))
    with pytest.raises(EmbeddingError, match=f"manifest.json is damaged .*{words}.*; embed again with --overwrite"):
        output.read_manifest()


def test_a_manifest_is_complete_only_at_the_end(output):
    output.path.mkdir()
    begun = dataclasses.replace(MANIFEST, input={"kind": "folder", "source": "s"}, embedded=None, broken=None)
    output.write_manifest(begun)
    assert not {"embedded", "broken"} & json.loads(output.manifest.read_text()).keys()
    read = output.read_manifest()
    assert read == begun
    assert (read.is_listed, read.is_complete) == (False, False)
    assert (MANIFEST.is_listed, MANIFEST.is_complete) == (True, True)
