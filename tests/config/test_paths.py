"""Settings that are paths take any local name, and refuse URLs that they cannot read or write."""

import dataclasses

import pytest

from aag_tf.config import (
    ContactSheetConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    FinetuneConfig,
    PredictConfig,
    RunConfig,
    SearchConfig,
    TrainConfig,
    leaves,
)
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.paths import user_path
from aag_tf.utils.urls import scheme_of

PATHS = {
    TrainConfig: {"dataset", "data_dir", "init_from", "extend", "labels", "run_dir", "monitor_dataset"},
    ContactSheetConfig: {"dataset", "data_dir", "labels", "out"},
    EvaluateConfig: {
        *("run_dir", "saved_model", "keras_model", "train_features", "test_features", "dataset", "data_dir"),
        *("labels", "output", "compare"),
    },
    ExportConfig: {"run_dir", "classifier", "export_dir"},
    FinetuneConfig: {"init_from", "dataset", "output", "data_dir", "labels"},
    EmbedConfig: {"saved_model", "input", "output", "data_dir"},
    PredictConfig: {"saved_model", "input", "output", "data_dir"},
    SearchConfig: {"embeddings", "query", "labeled", "saved_model", "gallery", "results"},
}
CASES = [(config, name) for config, names in PATHS.items() for name in sorted(names)]


@pytest.mark.parametrize("config", PATHS)
def test_every_path_is_declared(config):
    assert {name for name, declared in leaves(config).items() if declared.is_path} == PATHS[config]


@pytest.mark.parametrize(("config", "name"), CASES)
def test_a_url_is_refused_by_every_path(config, name):
    declared = leaves(config)[name]
    with pytest.raises(ConfigError) as refusal:
        declared.check(f"--{name}", "http://host/x")
    also = f", or URLs of {', '.join(declared.schemes)}" if declared.schemes else ""
    assert str(refusal.value) == (
        f"--{name}=http://host/x is a URL (http), and only paths on this machine are taken{also}; copy what it names "
        "here, or mount the store and name a directory in it."
    )
    for scheme in declared.schemes:
        declared.check(f"--{name}", f"{scheme}://bucket/x")


def test_the_configs_refuse_too():
    with pytest.raises(ConfigError, match=r"^--run_dir=ftp://a/b is a URL"):
        RunConfig(run_dir="ftp://a/b")
    with pytest.raises(ConfigError, match=r"^--compare=a,http://b/c is a URL \(http\)"):
        EvaluateConfig(compare="a,http://b/c")
    with pytest.raises(ConfigError, match=r"^http://b is a URL"):
        user_path("http://b")


def test_a_url_with_one_slash_is_no_local_folder():
    with pytest.raises(ConfigError) as refusal:
        RunConfig(run_dir="gs:/bucket/run")
    assert str(refusal.value) == (
        "--run_dir=gs:/bucket/run has one slash where gs:// has two; write gs://BUCKET/FOLDER."
    )


def test_the_path_of_a_file_url_is_named():
    with pytest.raises(ConfigError) as refusal:
        RunConfig(run_dir="file:///data/my%20run")
    assert str(refusal.value) == "--run_dir=file:///data/my%20run is a URL; write the path itself, as /data/my run."


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("gs://b/x", "gs"),
        ("GS://b/x", "gs"),
        ("gs:/b/x", "gs"),  # as shells and editors shorten it
        ("folder:s3://b/x", "s3"),
        ("npz:http://h/a.npz", "http"),
        ("some+new.scheme://b", "some+new.scheme"),
        ("file:/x", "file"),
        ("v2:best", None),
        ("v2:/best", None),
        ("C:\\x", None),
        ("C://x", None),
        ("./gs:/x", None),
        ("/a/gs://x", None),
        ("tfds:mnist/train", None),
        ("gs", None),
        ("", None),
    ],
)
def test_what_is_a_url(text, scheme):
    assert scheme_of(text) == scheme


@pytest.mark.parametrize("name", ["C:\\x", "v2:best", "odd [1]", "-x", " ", "100%", "~", "a\nb", "./gs:/x"])
def test_other_names_are_taken_as_they_are(name):
    assert dataclasses.replace(RunConfig(), run_dir=name).run_dir == name
