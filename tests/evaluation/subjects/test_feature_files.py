"""Features from files: evaluated as they are, and rejected in one sentence where they cannot be."""

import json

import numpy as np
import pytest

from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.evaluation import evaluate
from aag_tf.utils.errors import ConfigError, EvaluationError


def arrays(count, seed, **changes):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = np.eye(3)[labels] @ np.random.default_rng(9).normal(size=(3, 6)) + rng.normal(size=(count, 6))
    return {"features": features.astype(np.float32), "labels": labels} | changes


def save(path, content):
    np.savez(path, **content)
    return str(path)


def evaluated(tmp_path, train, test, **settings):
    config = EvaluateConfig(
        train_features=save(tmp_path / "train.npz", train),
        test_features=save(tmp_path / "test.npz", test),
        output=str(tmp_path / "evaluation.json"),
        protocol=ProtocolConfig(**{"knn_k": 5} | settings),
    )
    return evaluate(config)


def test_features_are_evaluated_as_they_are(tmp_path):
    evaluation = evaluated(
        tmp_path, arrays(150, 0), arrays(90, 1), measures="all", sgd_epochs=3, label_percents="10", label_draws=2
    )
    (result,) = evaluation.results
    assert result.features == "given features"
    # Neither views nor weights: no alignment, no fine-tuning, no corruptions.
    assert [measure.name for measure in result.measures] == [
        "majority", "knn", "linear", "neighbor_purity", "uniformity", "rankme", "linear_sgd", "few_labels_probe_10%"
    ]  # fmt: skip
    assert result.measure("knn").value > 0.5
    report = json.loads((tmp_path / "evaluation.json").read_text())
    assert report["data"]["num_bank"] == 150
    assert report["results"][0]["dim"] == 6


def test_without_labels_there_is_still_something_to_say(tmp_path):
    train, test = ({"features": arrays(60, seed)["features"]} for seed in (0, 1))
    evaluation = evaluated(tmp_path, train, test, measures="unlabeled")
    assert [measure.name for measure in evaluation.results[0].measures] == ["uniformity", "rankme"]
    assert "–" not in str(evaluation)
    assert evaluated(tmp_path, train, test).results == evaluation.results  # what needs labels is left out by itself


def test_labels_of_one_class_do_not_stand_in_the_way_of_what_needs_none(tmp_path):
    train, test = (arrays(60, seed, labels=np.zeros(60, np.int64)) for seed in (0, 1))
    evaluation = evaluated(tmp_path, train, test, measures="unlabeled")
    assert [measure.name for measure in evaluation.results[0].measures][-2:] == ["uniformity", "rankme"]


@pytest.mark.parametrize("name", ["fine_tune", "robustness"])
def test_what_needs_images_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=f"--measures={name} needs an encoder and its images"):
        evaluated(tmp_path, arrays(60, 0), arrays(60, 1), measures=f"knn,{name}")


FEATURES = arrays(30, 0)["features"]
NAN = FEATURES.copy()
NAN[4, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.arange(29) % 3}, r"29 .*train\.npz labels for 30 .* features"),
        ({"labels": np.zeros(30, int)}, "all 30 labeled images are of class 0"),
        ({"labels": np.arange(30) % 3 - 1}, "has a label -1; number the classes from 0"),
        ({"labels": np.arange(30) % 2}, "test.npz has a label 2 and the largest of .*train.npz is 1"),
        ({"labels": np.arange(30) / 3}, "labels are float64"),
        ({"features": NAN}, "1 of 30 .*features contain NaN"),
        ({"features": np.ones([30, 6], np.float32)}, "all 30 given features bank features are equal"),
        ({"features": FEATURES[:, :4]}, "has features of length 4 and .*test.npz of 6"),
        ({"features": FEATURES.astype(np.int64)}, "are int64; store floats"),
        ({"features": FEATURES[:, 0]}, r"have shape \[30\]"),
        ({"features": FEATURES[:4], "labels": np.arange(4) % 3}, "--knn_k=5 neighbors cannot be found among 4"),
        ({"features": np.array([{}] * 30), "labels": np.arange(30)}, "cannot be read as an archive of plain arrays"),
        ({"labels": None}, "cannot be read as an archive of plain arrays"),
    ],
)
def test_refuses_what_cannot_be_evaluated(tmp_path, change, message):
    with pytest.raises(EvaluationError, match=message) as caught:
        evaluated(tmp_path, arrays(30, 0, **change), arrays(9, 1))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "evaluation.json").exists()


def test_refuses_files_without_their_arrays(tmp_path):
    whole = arrays(30, 0)
    for missing in ("features", "labels"):
        part = {key: value for key, value in whole.items() if key != missing}
        with pytest.raises(EvaluationError, match=f"has no array `{missing}`"):
            evaluated(tmp_path, part, whole)
    config = EvaluateConfig(train_features=str(tmp_path / "none.npz"), test_features=str(tmp_path / "none.npz"))
    with pytest.raises(EvaluationError, match=r"none\.npz is not a file"):
        evaluate(config)
