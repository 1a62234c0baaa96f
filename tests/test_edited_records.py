"""Every field of every record, as a stranger or a disk may have changed it: read, or refused in one sentence.

The records are written by the program itself. One field at a time is then replaced by values of other types and of
absurd sizes and by texts that no file of ours contains, or left out; and the whole file by bytes that are no JSON.
"""

import hashlib
import json
import shutil
import types

import numpy as np
import pytest
from record_edits import MISSING, VALUES, edited, sealed, try_every_edit
from small_pictures import make_folder
from small_runs import STEP, make_run

from aag_tf.config import DataConfig, EmbedConfig, EvaluateConfig, ExportConfig, PackConfig, ProtocolConfig
from aag_tf.data import open_source
from aag_tf.data.pack.manifest import read_manifest
from aag_tf.evaluation import compare, evaluate
from aag_tf.export import export
from aag_tf.export.embedding import embed
from aag_tf.export.embedding.collection import open_collection
from aag_tf.export.embedding.inputs import open_input
from aag_tf.export.embedding.output import Output
from aag_tf.export.search.index import is_built
from aag_tf.packing.pack import pack
from aag_tf.report.curves import training_charts
from aag_tf.runs.checkpoints.manifest import DamagedError, Manifest
from aag_tf.runs.exported import read_metadata
from aag_tf.runs.metrics import read_metrics
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.training.callbacks import MetricsFile
from aag_tf.utils.errors import AagError
from aag_tf.utils.progress import no_progress


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run with an evaluation, its export, a collection embedded by it, and a pack."""
    root = tmp_path_factory.mktemp("written")
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 3
    np.savez(root / "data.npz", images=images, labels=labels, test_images=images[:30], test_labels=labels[:30])
    make_run(root / "run", f"npz:{root / 'data.npz'}")
    MetricsFile(root / "run" / "metrics.jsonl").write({"step": 3, "loss": 1.5, "knn_accuracy": 0.5})
    RunDirectory(root / "run").write_skipped({"a.png": "is broken"})
    make_folder(root / "pictures")
    with no_progress():
        measures = ProtocolConfig(measures="knn,unlabeled", baselines="raw_pixels", knn_k=5)
        evaluate(EvaluateConfig(run_dir=str(root / "run"), protocol=measures))
        served = {"export_dir": str(root / "model"), "signatures": "serving_default", "verify": False}
        report = export(ExportConfig(run_dir=str(root / "run"), **served))
        embed(EmbedConfig(saved_model=str(root / "model"), input=str(root / "pictures"), output=str(root / "out")))
        pack(PackConfig(data=DataConfig(f"folder:{root / 'pictures'}"), output=str(root / "pack")))
    shutil.copytree(root / "run", root / "again")
    return types.SimpleNamespace(root=root, version=report.path)


def test_the_record_of_a_run(written):
    directory = RunDirectory(written.root / "run")
    counts = try_every_edit(directory.record, lambda: str(directory.read_record().flags))
    assert counts["refused"] > 10 * counts["accepted"] / 100


def test_the_files_that_training_could_not_read(written):
    directory = RunDirectory(written.root / "run")
    try_every_edit(directory.skipped, directory.read_skipped)


def test_metrics(written, tmp_path):
    file = written.root / "run" / "metrics.jsonl"

    def use():
        training_charts({"run": read_metrics(file)})
        copied = shutil.copy(file, tmp_path / "metrics.jsonl")
        assert np.isfinite(MetricsFile(copied, start_step=5).best("knn_accuracy"))

    assert try_every_edit(file, use)["refused"] == 0  # broken lines are left out


def test_the_manifest_of_a_checkpoint(written):
    file = written.root / "run" / "checkpoints" / f"step-{STEP:08d}" / "manifest.json"
    file = next((written.root / "run" / "checkpoints").rglob("manifest.json")) if not file.exists() else file
    use = lambda: Manifest.read(file.parent).verify(file.parent)  # noqa: E731
    try_every_edit(file, use, refusals=DamagedError, seal=sealed)


def test_an_evaluation(written):
    runs = [str(written.root / "run"), str(written.root / "again")]
    try_every_edit(written.root / "run" / "evaluation.json", lambda: str(compare(runs)))


def test_the_metadata_of_an_export(written):
    try_every_edit(written.version / "model.json", lambda: json.dumps(read_metadata(written.version).to_json()))


def test_the_manifest_of_a_collection(written):
    def use():
        collection = open_collection(written.root / "out")
        is_built(collection)
        sum(len(part) for part in collection.vectors())
        list(open_input(collection.manifest.input, collection.output.path).items(0, 3))

    try_every_edit(written.root / "out" / "manifest.json", use, seal=sealed)


def test_the_list_of_a_collection(written):
    output = open_collection(written.root / "out").output
    file = output.path / "input.jsonl"
    before = file.read_bytes()
    lines = before.splitlines()
    listing = output.read_manifest().input

    def use():
        changed = listing | {"digest": hashlib.sha256(file.read_bytes()).hexdigest()}
        list(open_input(changed, output.path).items(0, len(lines)))

    use()
    for value in VALUES:
        for position in range(3):
            for line in (edited(json.loads(lines[0]), (position,), value), value if value is not MISSING else []):
                file.write_bytes(b"\n".join([json.dumps(line).encode(), *lines[1:]]) + b"\n")
                with_error = None
                try:
                    use()
                except AagError as error:
                    with_error = error
                assert with_error is None or "\n" not in str(with_error)
    file.write_bytes(before)


def test_the_manifest_of_a_pack(written):
    def use():
        open_source(DataConfig(f"pack:{written.root / 'pack'}")).train.images.fetch(np.arange(2))

    try_every_edit(written.root / "pack" / "pack.json", use, seal=sealed)


@pytest.mark.parametrize("name", ["out/manifest.json", "pack/pack.json"])
def test_a_flipped_bit_of_a_manifest_is_never_another_manifest(written, name):
    file = written.root / name

    def opened():
        return Output(file.parent).read_manifest() if file.name == "manifest.json" else read_manifest(file.parent)

    before, expected = file.read_bytes(), opened()
    refused = 0
    for bit in np.random.default_rng(0).choice(8 * len(before), 300, replace=False):
        changed = bytearray(before)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        try:
            found = opened()
        except AagError:
            refused += 1
        else:
            assert found == expected
    file.write_bytes(before)
    assert refused > 280  # the others are in spaces, or in the name of the digest


def test_a_manifest_without_a_digest_is_of_an_earlier_version(written):
    for file, opened in (
        (written.root / "out" / "manifest.json", lambda: open_collection(written.root / "out").manifest),
        (written.root / "pack" / "pack.json", lambda: read_manifest(written.root / "pack")),
    ):
        before, expected = file.read_bytes(), opened()
        content = json.loads(before)
        assert content == sealed(content)
        del content["sha256"]
        file.write_text(json.dumps(content))
        assert opened() == expected
        content["versions"]["python"] = "2.7"
        file.write_text(json.dumps(content | {"sha256": sealed(expected.to_json())["sha256"]}))
        with pytest.raises(AagError, match=rf"^{file} is damaged \(it is not as it was written\); "):
            opened()
        file.write_bytes(before)
