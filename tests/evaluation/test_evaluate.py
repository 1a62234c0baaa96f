"""The whole evaluation: baselines beside the encoder, the rule about splits, results on disk, the report."""

import dataclasses
import importlib
import json
import shlex
import shutil

import numpy as np
import pytest
import threadpoolctl
from html_checks import Page, check_accessible, check_stands_alone
from small_runs import STEP, make_run, save_images

from aag_tf import flags
from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.data import open_source
from aag_tf.encoders import untrained_encoder
from aag_tf.evaluation import Measure, embed, evaluate, knn_accuracy, raw_pixels
from aag_tf.evaluation.corruptions import SETTINGS
from aag_tf.evaluation.evaluate import feature_sets
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.evaluation.subjects import load_subject, open_images
from aag_tf.evaluation.views import main_branch, view
from aag_tf.report import report_page
from aag_tf.runs.run_directory import RunDirectory

NAMES = ["raw pixels", "untrained encoder", "trained encoder"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    return path, make_run(path)


@pytest.fixture(scope="module")
def evaluation(run):
    return evaluate(EvaluateConfig(run_dir=str(run[0]), protocol=ProtocolConfig(knn_k=5)))


def source_of(path):
    config = RunDirectory(path).read_record().config
    return config, open_source(config.data)


def test_measures_the_encoder_beside_both_baselines(run, evaluation):
    path, encoder = run
    config, source = source_of(path)
    untrained = untrained_encoder(config.encoder, source.image_shape, config.schedule.seed)

    def expected(features):
        bank = np.concatenate([features(source.train.images), features(source.validation.images)])
        labels = np.concatenate([source.train.labels, source.validation.labels])
        return knn_accuracy(bank, labels, features(source.test.images), source.test.labels, k=5)

    assert [result.features for result in evaluation.results] == NAMES
    pixels, baseline, trained = (result.measure("knn").value for result in evaluation.results)
    mean = np.concatenate([raw_pixels(split.images) for split in (source.train, source.validation)]).mean(axis=0)
    assert pixels == pytest.approx(expected(lambda images: raw_pixels(images) - mean))
    assert pixels != expected(raw_pixels)  # which have a mean
    assert baseline == pytest.approx(expected(lambda images: embed(untrained, images)), abs=0.003)
    assert trained == pytest.approx(expected(lambda images: embed(encoder, images)), abs=0.003)
    assert baseline != trained
    assert pixels > 0.97  # the digits are nearly solved by their pixels
    assert evaluation.result("raw pixels").measure("linear").value > 0.93
    assert evaluation.result("supervised encoder") is None
    assert evaluation.data["num_bank"] == len(source.train) + len(source.validation)
    assert evaluation.data["num_queries"] == len(source.test)


def test_results_are_written_into_the_run_directory(run, evaluation):
    path, _ = run
    report = json.loads((path / "evaluation.json").read_text())
    assert evaluation.path == path / "evaluation.json"
    assert list(report) == [
        "schema", "command", "versions", "seeds", "subject", "data", "settings", "seconds", "results", "verdicts"
    ]  # fmt: skip
    assert report["schema"] == 2
    pixels, _, names = ([measure["name"] for measure in result["measures"]] for result in report["results"])
    assert pixels == names == ["majority", "knn", "linear", "neighbor_purity", "alignment", "uniformity", "rankme"]
    linear = report["results"][2]["measures"][2]
    assert set(linear) == {"name", "value", "n", "low", "high", "details"}
    assert linear["value"] == evaluation.result("trained encoder").measure("linear").value
    assert linear["low"] < linear["value"] < linear["high"]
    assert linear["n"] == report["data"]["num_queries"]
    assert report["settings"]["knn_k"] == 5
    assert report["subject"] == {"run_dir": str(path), "step": STEP, "encoder": "tiny", "image_shape": [8, 8, 1]}
    assert report["seeds"] == {"evaluation": 0, "untrained_encoder": 0, "linear_held_out": 0}
    assert {"tensorflow", "keras", "aag-tf"} <= set(report["versions"])
    assert report["seconds"] > 0
    assert [verdict["measure"] for verdict in report["verdicts"]] == [*names[1:5], "rankme"]
    for verdict, line in zip(report["verdicts"], evaluation.verdict_lines, strict=False):
        assert line == verdict["text"]
        assert line in " ".join(str(evaluation).split())


def test_the_command_repeats_the_evaluation(run, evaluation):
    program, *arguments = shlex.split(evaluation.command)
    assert program == "aag-evaluate"
    assert flags.parse([program, *arguments], EvaluateConfig, usage="") == EvaluateConfig(
        run_dir=str(run[0]), protocol=ProtocolConfig(split="test", measures="knn,linear,unlabeled", knn_k=5)
    )


def test_what_pictures_need_is_kept(evaluation):
    features = evaluation.feature_set
    assert features.name == "trained encoder"
    assert features.neighbors.rows.shape == (len(features.query_labels), 5)
    right = np.mean(features.probe_predictions == features.query_labels)
    assert right == evaluation.result("trained encoder").measure("linear").value
    assert features.bank.images.numpy([0, len(features.bank_labels) - 1]).shape == (2, 8, 8, 1)


def test_no_page_is_written_and_one_can_be_drawn(run, evaluation):
    assert not list(run[0].glob("*.html"))
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):  # threads of t-SNE wait for each other on busy cores
        page = Page(report_page(evaluation))
    check_stands_alone(page)
    check_accessible(page)
    assert page.texts("h2") == [
        "Metrics beside the baselines",
        "Which classes are confused",
        "Nearest neighbors",
        "Map of the embedding",
        "Settings",
    ]  # no training curves, since this run was never trained
    assert evaluation.command in page.texts("code")
    assert f"{100 * evaluation.result('trained encoder').measure('linear').value:.2f} %" in page.texts("td")
    confusion = [text for text in page.texts("td") if text.isdigit()][:100]
    assert sum(map(int, confusion)) == evaluation.data["num_queries"]
    assert "--width" not in page.text
    assert {"width", "0.25"} <= set(page.texts("th", "td"))


def test_everything_that_can_be_measured_is(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("aag_tf.evaluation.robustness"), "STRENGTHS", (1, 5))  # to save time
    path = tmp_path / "run"
    encoder = make_run(path, save_images(tmp_path / "data.npz", 60, labels=np.arange(60) % 2))
    directory = RunDirectory(path)
    record = directory.read_record()
    augment = dataclasses.replace(record.config.augment, crop_min_area=0.5)
    config = dataclasses.replace(record.config, augment=augment)
    directory.write_record(dataclasses.replace(record, config=config))
    protocol = ProtocolConfig(
        measures="all",
        baselines="untrained",
        knn_k=3,
        label_percents="50",
        label_draws=1,
        sgd_epochs=1,
        fine_tune_steps=2,
        supervised_epochs=1,
    )
    evaluation = evaluate(EvaluateConfig(run_dir=str(path), protocol=protocol))

    assert [result.features for result in evaluation.results] == [*NAMES[1:], "supervised encoder"]
    frozen = ["majority", "knn", "linear", "neighbor_purity", "alignment", "uniformity", "rankme"]
    frozen += ["linear_sgd", "few_labels_probe_50%"]
    corrupted = ["robustness", *(f"robustness_{kind}" for kind in SETTINGS)]
    untrained, trained, supervised = ([measure.name for measure in result.measures] for result in evaluation.results)
    assert supervised == [*frozen, *corrupted]
    assert untrained == trained == [*frozen, "fine_tune_50%", *corrupted]
    ranks = {result.measure("rankme").value for result in evaluation.results}
    assert len(ranks) == 3  # the supervised encoder has learned
    assert "Robustness to corruptions" in Page(report_page(evaluation)).texts("h2")

    config, source = source_of(path)
    images = source.test.images
    branch = main_branch(config.augment, images.shape)  # as the run draws its views
    views = (view(images, branch, 0, "alignment_view", number) for number in (0, 1))
    first, second = (embed(encoder, pictures).astype(float) for pictures in views)
    cosines = np.sum(first * second, axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    alignment = evaluation.result("trained encoder").measure("alignment").value
    assert alignment == pytest.approx(np.mean(2 - 2 * cosines), rel=1e-3)
    assert alignment > 0.01


def test_results_can_be_read_back(run, evaluation):
    saved = read_evaluation(str(run[0]))
    assert saved.results == [
        dataclasses.replace(result, measures=[json_round_trip(measure) for measure in result.measures])
        for result in evaluation.results
    ]
    assert saved.main_result == saved.results[2]
    assert (saved.path, saved.feature_set) == (evaluation.path, None)
    for name in ("subject", "data", "settings", "command", "seeds", "versions", "seconds"):
        assert getattr(saved, name) == getattr(evaluation, name)


def test_sentences_fit_the_terminal_and_the_table_stays_whole(evaluation, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    lines = str(evaluation).splitlines()
    table = evaluation.table().splitlines()
    start = lines.index(table[0])
    assert lines[start : start + len(table)] == table
    sentences = lines[:start] + lines[start + len(table) :]
    assert max(map(len, sentences)) <= 70
    assert len([line for line in sentences if line.startswith("  ")]) >= 2  # a verdict takes more than a line


def json_round_trip(measure):
    return Measure(**json.loads(json.dumps(dataclasses.asdict(measure))))


def test_table_is_aligned_and_names_every_row(evaluation):
    header, dim, majority, *rows = evaluation.table().splitlines()
    assert header.split() == ["raw", "pixels", "untrained", "encoder", "trained", "encoder"]
    assert dim.split() == ["dim", "64", "32", "32"]
    assert len({len(line) for line in (header, *rows)}) == 1
    assert majority.startswith("always the largest class")
    assert rows[0].startswith("kNN (k=5)")
    assert f"{100 * evaluation.result('trained encoder').measure('linear').value:.2f} [" in rows[1]
    assert str(evaluation).startswith("digits, test split: ")


def test_validation_split_never_touches_test(run, tmp_path):
    path, _ = run
    protocol = ProtocolConfig(split="validation", measures="knn", baselines="none")
    config = EvaluateConfig(run_dir=str(path), output=str(tmp_path / "tuning.json"), protocol=protocol)
    evaluation = evaluate(config)
    _, source = source_of(path)
    assert evaluation.data["split"] == "validation"
    assert [result.features for result in evaluation.results] == ["trained encoder"]
    assert evaluation.data["num_bank"] == len(source.train)
    assert evaluation.data["num_queries"] == len(source.validation)


def test_another_data_set_is_brought_to_the_size_of_the_encoder(run, tmp_path):
    path, _ = run
    labels = np.arange(40) % 3
    dataset = save_images(tmp_path / "larger.npz", shape=(16, 16, 1), labels=labels)
    output = tmp_path / "transfer.json"
    config = EvaluateConfig(
        run_dir=str(path),
        dataset=dataset,
        output=str(output),
        protocol=ProtocolConfig(measures="knn", knn_k=3),
    )
    evaluation = evaluate(config)
    assert evaluation.data["dataset"] == dataset
    assert evaluation.data["num_classes"] == 3
    assert evaluation.data["conversion"] == "images at 8x8 pixels"
    assert json.loads(output.read_text())["data"] == evaluation.data


def test_channels_are_brought_to_those_of_the_encoder(run, tmp_path):
    dataset = save_images(tmp_path / "color.npz", shape=(8, 8, 3), labels=np.arange(40) % 2)
    config = EvaluateConfig(run_dir=str(run[0]), dataset=dataset)
    images = open_images(config, load_subject(config))
    assert images.conversion == "images at 8x8 pixels, RGB turned to gray by its luma"
    with np.load(tmp_path / "color.npz") as archive:
        colors = archive["images"][:32].astype(float) @ [0.2989, 0.587, 0.114]
    gray = images.bank.images.numpy(np.arange(32))
    assert gray.shape == (32, 8, 8, 1)
    order = [np.abs(colors - picture[..., 0]).reshape(len(colors), -1).max(axis=1).min() for picture in gray[:8]]
    assert np.median(order) < 1.01  # those of the first 32 that are in train are there, to rounding


def test_random_weights_alone_count_as_untrained(run, tmp_path):
    config = EvaluateConfig(run_dir=str(run[0]), dataset=save_images(tmp_path / "data.npz", labels=np.arange(40) % 2))
    subject = load_subject(config)
    found = {
        features.name: features.untrained for features in feature_sets(config, subject, open_images(config, subject))
    }
    assert found == {"raw pixels": False, "untrained encoder": True, "trained encoder": False}


def test_unlabeled_images_are_evaluated_without_labels(run, tmp_path):
    path, _ = run
    dataset = save_images(
        tmp_path / "unlabeled.npz",
        test_images=np.zeros((9, 8, 8, 1), np.uint8) + np.arange(9, dtype=np.uint8)[:, None, None, None],
    )
    protocol = ProtocolConfig(baselines="none")
    evaluation = evaluate(
        EvaluateConfig(run_dir=str(path), dataset=dataset, output=str(tmp_path / "a"), protocol=protocol)
    )
    assert [m.name for m in evaluation.results[0].measures] == ["alignment", "uniformity", "rankme"]
    assert evaluation.data["num_classes"] is None


def test_what_is_fine_tuned_are_the_weights_that_were_evaluated(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    subject = load_subject(EvaluateConfig(run_dir=str(tmp_path / "run")))
    shutil.rmtree(tmp_path / "run" / "checkpoints")  # as by a training that goes on and keeps newer ones only
    copy = subject.network()
    assert copy is not subject.encoder
    for weight, evaluated in zip(copy.get_weights(), subject.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, evaluated)
