"""Results of evaluations outlive `kill -9` at every step of writing new ones."""

import json

import numpy as np
from killed_steps import killed_at_every_step

from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.evaluation import evaluate
from aag_tf.report import write_report
from aag_tf.utils.progress import no_progress


def evaluate_files(folder, seed):
    """What `aag-evaluate` does with features in files."""
    protocol = ProtocolConfig(measures="knn", seed=seed)
    config = EvaluateConfig(
        train_features=str(folder.parent / "train.npz"),
        test_features=str(folder.parent / "test.npz"),
        output=str(folder / "evaluation.json"),
        protocol=protocol,
    )
    with no_progress():
        write_report(evaluate(config), folder / "report.html")


def test_results_are_whole_after_a_kill_at_every_step(tmp_path):
    random = np.random.default_rng(0)
    for name, count in (("train", 60), ("test", 20)):
        labels = np.arange(count) % 2
        features = random.normal(size=(count, 4)).astype(np.float32) + labels[:, np.newaxis]
        np.savez(tmp_path / f"{name}.npz", features=features, labels=labels)
    results = tmp_path / "results"
    results.mkdir()
    evaluate_files(results, 1)
    before = {path.name: path.read_bytes() for path in results.iterdir()}

    def prepare():
        for name, content in before.items():
            (results / name).write_bytes(content)

    kills, replaced = 0, set()
    for _ in killed_at_every_step(evaluate_files, results, 2, folder=results, prepare=prepare):
        kills += 1
        evaluation = json.loads((results / "evaluation.json").read_text())
        page = (results / "report.html").read_text()
        assert evaluation["seeds"]["evaluation"] in (1, 2)
        assert page.rstrip().endswith("</html>")
        replaced |= {name for name in before if (results / name).read_bytes() != before[name]}
        evaluate_files(results, 3)
        assert json.loads((results / "evaluation.json").read_text())["seeds"]["evaluation"] == 3
        assert sorted(path.name for path in results.iterdir()) == ["evaluation.json", "report.html"]
    assert kills == 4  # before each of both files is opened and renamed
    assert replaced == {"evaluation.json"}  # the page is the last
