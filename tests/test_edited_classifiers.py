"""Every field of the records that belong to classifiers, as a stranger or a disk may have changed it."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from record_edits import sealed, try_every_edit
from small_classifiers import make_classifier

from aag_tf.config import ExportConfig, PredictConfig
from aag_tf.export import export_classifier
from aag_tf.export.embedding.inputs import open_input
from aag_tf.export.prediction import predict
from aag_tf.export.prediction.output import Output
from aag_tf.finetuning.trial import FROM_ENCODER, TrialResult
from aag_tf.runs.classifier_record import read_classifier_record
from aag_tf.runs.exported_classifier import read_classifier_metadata
from aag_tf.utils.progress import no_progress


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """A directory with a classifier, its export and what it says of four pictures."""
    root = tmp_path_factory.mktemp("predicted")
    make_classifier(root / "classifier")
    (root / "pictures").mkdir()
    for number in range(4):
        Image.fromarray(np.full((8, 8), 60 * number, np.uint8)).save(root / "pictures" / f"{number}.png")
    with no_progress():
        settings = ExportConfig(classifier=str(root / "classifier"), export_dir=str(root / "model"), verify=False)
        export_classifier(settings)
        places = {name: str(root / name) for name in ("model", "pictures", "out")}
        predict(PredictConfig(saved_model=places["model"], input=places["pictures"], output=places["out"]))
    return root


def test_the_record_of_a_classifier(predicted):
    file = predicted / "classifier" / "classifier.json"
    counts = try_every_edit(file, lambda: read_classifier_record(file.parent))
    assert counts["refused"] > counts["accepted"] / 2


def test_the_metadata_of_an_exported_classifier(predicted):
    (file,) = predicted.glob("model/*/model.json")
    assert read_classifier_metadata(file.parent).to_json() == json.loads(file.read_text())
    counts = try_every_edit(file, lambda: read_classifier_metadata(file.parent))
    assert counts["refused"] > counts["accepted"] / 4  # signatures and versions are as free as those of encoders


def test_the_manifest_of_predictions(predicted):
    file = predicted / "out" / "predictions.json"

    def use():
        manifest = Output(file.parent).read_manifest()
        list(open_input(manifest.input, file.parent).items(0, 3))
        return manifest

    assert (use().predicted, sum(use().counts.values())) == (4, 4)
    assert sealed(json.loads(file.read_text())) == json.loads(file.read_text())
    counts = try_every_edit(file, use, seal=sealed)
    assert counts["refused"] > counts["accepted"]


def test_the_result_of_a_trial(tmp_path):
    file = tmp_path / "result.json"
    result = TrialResult(FROM_ENCODER, 1e-3, 20, 20, 15, 0.5, 0.75, 0.7, diverged=False, seconds=1.5)
    file.write_text(json.dumps(dataclasses.asdict(result)))
    assert TrialResult.read(file) == result
    counts = try_every_edit(file, lambda: TrialResult.read(file))
    assert counts["refused"] > counts["accepted"]
