"""Other runtimes give the encoder's embeddings; without their packages one sentence says what to install."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_runs import make_run

from aag_tf.config import ExportConfig
from aag_tf.export import export
from aag_tf.export.runtimes import RUNTIMES, check_installed, load_runtime
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import ConfigError, ExportError


@keras.saving.register_keras_serializable("tests")
class Negative(keras.layers.Layer):
    def call(self, images):
        return -images


def installed(name):
    try:
        check_installed(name)
    except ExportError:
        return False
    return True


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.filterwarnings("ignore")  # converters complain of what they themselves use
def test_gives_the_embeddings_of_the_encoder(run, tmp_path, name):
    if not installed(name):
        pytest.skip(f"needs the extra {name}")
    report = export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), formats=name))
    assert report.verification.formats == (name,)
    assert f"and in {name}: largest difference" in str(report)
    file = json.loads((report.path / "model.json").read_text())["formats"][name]
    embed = load_runtime(name, report.path / file)
    for count in (1, 3, 64):
        images = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 1), np.uint8)
        expected = run[1](images, training=False).numpy()
        embedding = embed(images)
        assert embedding.dtype == np.float32
        np.testing.assert_allclose(embedding, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", [name for name, runtime in RUNTIMES.items() if runtime.packages])
def test_without_its_package_a_runtime_is_refused_before_any_work(tmp_path, monkeypatch, name):
    package = RUNTIMES[name].packages[0]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError, match=rf"pip install 'aag-tf\[{name}\]'") as caught:
        export(ExportConfig(run_dir="no run at all", export_dir=str(tmp_path / "model"), formats=name))
    assert package in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_a_conversion_that_fails_publishes_nothing(run, tmp_path, monkeypatch):
    def fail(directory, encoder, file: Path) -> None:
        file.write_text("half")
        raise NotImplementedError("Op Foo is not supported\nand more")

    name = "openvino"
    runtime = RUNTIMES[name]
    monkeypatch.setitem(RUNTIMES, name, type(runtime)((), runtime.file, fail, runtime.load))
    with pytest.raises(ExportError, match="NotImplementedError: Op Foo is not supported\\); leave openvino out"):
        export(
            ExportConfig(
                run_dir=run[0], export_dir=str(tmp_path), formats=name, signatures="serving_default", verify=False
            )
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_for_keras_has_its_weights_beside_it_and_its_range_of_values_on_the_card(run, tmp_path):
    made = ExportConfig(run_dir=run[0], export_dir=str(tmp_path), formats="keras", verify=False)
    folder = export(made).path
    assert sorted(entry.name for entry in (folder / "keras").iterdir()) == ["encoder.keras", "encoder.weights.h5"]
    model = load_run(run[0]).keras_encoder()
    model.set_weights([weight * 0 for weight in model.get_weights()])
    model.load_weights(folder / "keras" / "encoder.weights.h5")
    for weight, trained in zip(model.get_weights(), run[1].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, trained)
    assert "`keras.models.load_model` opens `keras/encoder.keras`" in (folder / "model_card.md").read_text()


def test_an_encoder_with_classes_of_its_own_is_refused_for_keras_before_any_work(tmp_path):
    layers = [keras.Input((8, 8, 1)), Negative(), keras.layers.GlobalAveragePooling2D()]
    make_run(tmp_path / "run", custom_encoder=keras.Sequential(layers))
    with pytest.raises(ConfigError, match="uses tests>Negative, which is not Keras's own"):
        export(ExportConfig(run_dir=str(tmp_path / "run"), export_dir=str(tmp_path / "model"), formats="keras"))
    assert not (tmp_path / "model").exists()


def test_an_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="--formats=coreml is not known; choose one of keras, onnx, openvino, litert"):
        ExportConfig(run_dir="run", export_dir="model", formats="onnx,coreml")
