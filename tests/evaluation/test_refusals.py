"""What is rejected: data and encoders that cannot be evaluated, and files that are no evaluation to write over."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from small_runs import STEP, make_run, save_images

from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.data import fingerprint, open_source
from aag_tf.evaluation import evaluate
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.runs.run import load_run
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, ExportError, RunDirectoryError


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs")
    make_run(directory / "run", save_images(directory / "data.npz", labels=np.arange(40) % 2))
    return directory / "run"


@pytest.mark.parametrize(
    ("arrays", "shape", "message"),
    [
        ({"labels": np.zeros(40, np.int64)}, (8, 8, 1), "are of class 0 .nothing to classify.; give --measures=unl"),
        ({}, (8, 8, 1), "has no test split; give --split=validation --measures=unlabeled, or a labeled data set with"),
        (
            {"labels": np.arange(40) % 2, "test_images": np.zeros((9, 8, 8, 1), np.uint8)},
            (8, 8, 1),
            "the test split of npz:.* has no labels; give --split=validation, or --measures=unlabeled",
        ),
        ({"test_images": np.zeros((9, 8, 8, 1), np.uint8)}, (8, 8, 1), "has no labels; give --measures=unlabeled"),
        ({"labels": np.arange(40) % 2}, (8, 8, 1), "--knn_k=50 neighbors cannot be found among 32"),
    ],
)
def test_refuses_data_that_cannot_be_evaluated(run_dir, tmp_path, arrays, shape, message):
    output = tmp_path / "report.json"
    dataset = save_images(tmp_path / "data.npz", shape=shape, **arrays)
    config = EvaluateConfig(
        run_dir=str(run_dir),
        dataset=dataset,
        output=str(output),
        protocol=ProtocolConfig(split="test", measures="knn", knn_k=50, baselines="none"),
    )
    with pytest.raises(EvaluationError, match=message) as caught:
        evaluate(config)
    assert "\n" not in str(caught.value)
    assert not output.exists()


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (np.nan, "trained encoder bank features (contain NaN|are equal)"),
        (0.0, "trained encoder bank features are equal"),
    ],
)
def test_refuses_an_encoder_that_diverged_or_collapsed(run_dir, tmp_path, factor, message):
    path = shutil.copytree(run_dir, tmp_path / "run")
    run = load_run(str(path))
    for variable in run.encoder.trainable_variables:
        variable.assign(variable * factor)
    state = RunState(encoder=run.encoder, projector=run.projector)
    CheckpointStore(path / "checkpoints").write(STEP + 1, state.write)
    with pytest.raises(EvaluationError, match=message):
        evaluate(EvaluateConfig(run_dir=str(path), protocol=ProtocolConfig(baselines="none")))


def test_a_size_that_the_encoder_does_not_take_is_refused(run_dir):
    with pytest.raises(
        EvaluationError, match=r"--image_size=16 is for models that take any size, and this one takes 8x8"
    ):
        evaluate(EvaluateConfig(run_dir=str(run_dir), image_size=16))


def test_images_that_were_added_since_are_refused_and_other_pixels_told(tmp_path, caplog):
    def save(count, seed, change=0):
        images = np.random.default_rng(seed).integers(0, 250, (count, 8, 8, 1), np.uint8) + np.uint8(change)
        np.savez(tmp_path / "data.npz", images=images, labels=np.arange(count) % 2)

    def evaluate_run():
        protocol = ProtocolConfig(measures="knn", baselines="none", knn_k=3)
        return evaluate(EvaluateConfig(run_dir=tmp_path / "run", protocol=protocol))

    save(60, 0)
    # As `train` writes it, with what it was trained on.
    make_run(tmp_path / "run", f"npz:{tmp_path / 'data.npz'}")
    directory = RunDirectory(tmp_path / "run")
    source = open_source(directory.read_record().config.data)
    known = {"num_train_images": len(source.train), "fingerprint": fingerprint(source.train.images)}
    directory.write_record(dataclasses.replace(directory.read_record(), **known))
    evaluate_run()
    assert "some pixels differ" not in caplog.text
    save(60, 0, change=2)
    evaluate_run()
    assert "is not what the encoder was trained on: some pixels differ" in caplog.text
    save(60, 1)
    with pytest.raises(EvaluationError, match=r"other training images now .* or in another order, so that its test"):
        evaluate_run()
    save(80, 0)
    with pytest.raises(EvaluationError, match=r"gives \d+ training images now and gave \d+ when .* may be among those"):
        evaluate_run()


def test_says_which_split_is_missing(tmp_path):
    labels = np.arange(40) % 2
    make_run(tmp_path / "run", save_images(tmp_path / "data.npz", labels=labels), validation_fraction=0.0)
    config = EvaluateConfig(run_dir=str(tmp_path / "run"), protocol=ProtocolConfig(split="validation"))
    with pytest.raises(EvaluationError, match=r"has no validation split; give --split=test"):
        evaluate(config)


def test_refuses_what_is_not_there(run_dir, tmp_path):
    with pytest.raises(RunDirectoryError, match="does not exist"):
        evaluate(EvaluateConfig(run_dir=str(tmp_path / "nothing")))
    with pytest.raises(ExportError, match="holds no SavedModel"):
        evaluate(EvaluateConfig(saved_model=str(tmp_path)))
    with pytest.raises(EvaluationError, match="cannot be written"):
        evaluate(EvaluateConfig(run_dir=str(run_dir), output=str(tmp_path / "no" / "such" / "file.json")))


def test_only_evaluations_are_written_over(run_dir, tmp_path):
    path = shutil.copytree(run_dir, tmp_path / "run")
    record = (path / "run.json").read_text()
    foreign = tmp_path / "notes.json"
    foreign.write_text('{"schema": 1}')
    for output in (path / "run.json", foreign):
        with pytest.raises(EvaluationError, match="exists and is no evaluation; name another file with --output"):
            evaluate(EvaluateConfig(run_dir=str(path), output=str(output)))
    assert (path / "run.json").read_text() == record
    assert foreign.read_text() == '{"schema": 1}'
    protocol = ProtocolConfig(measures="knn", baselines="none", knn_k=3)
    own = path / "evaluation.json"
    for output, content in ((foreign, '{"schema": 1, "results": []}'), (foreign, ""), (own, '{"schema": 2, "resu')):
        output.write_text(content)  # of another version, of nothing, and damaged where a run has its own
        given = None if output == own else str(output)
        evaluate(EvaluateConfig(run_dir=str(path), output=given, protocol=protocol))
        assert json.loads(output.read_text())["results"]
    assert read_evaluation(str(foreign)).main_result.measure("knn").n == 8
