"""The output's directory: nothing of anybody's is overwritten, and one process writes at a time."""

import os

import pytest

from aag_tf.errors import EmbeddingError
from aag_tf.export.embedding.output import Output


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
        output.write_manifest({"rows": 1})
    refused(output, "already exists; add --resume")
    output.check(resume=True, overwrite=False)
    output.check(resume=False, overwrite=True)
    output.clear()
    assert list(output.path.iterdir()) == []


def test_two_processes_do_not_write_at_once(output):
    with (
        output.writing(),
        pytest.raises(EmbeddingError, match="is being written by another aag-embed"),
        Output(output.path).writing(),
    ):
        pass
    with output.writing():
        pass


def test_a_disk_that_refuses_is_one_sentence(output):
    with (
        pytest.raises(EmbeddingError, match=r"cannot be written .No space left on device.; .*--resume"),
        output.writing(),
    ):
        raise OSError(28, os.strerror(28))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is damaged"),
        ("[]", "was not written by aag-embed"),
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
