"""Software that knows nothing of this package: TensorFlow's command line, a Keras layer, Serving's protocol."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_runs import make_run

from aag_tf.config import ExportConfig
from aag_tf.export import export

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    encoder = make_run(path / "run")
    report = export(ExportConfig(run_dir=str(path / "run"), export_dir=str(path / "model"), verify=False))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    return report.path, images, encoder(images, training=False).numpy()


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_saved_model_cli_runs_it(run, tmp_path):
    saved_model, images, expected = run
    np.save(tmp_path / "images.npy", images)
    command = "from tensorflow.python.tools.saved_model_cli import main; main()"
    arguments = ["run", "--dir", saved_model, "--tag_set", "serve", "--signature_def", "serving_default"]
    files = ["--inputs", f"images={tmp_path / 'images.npy'}", "--outdir", tmp_path]
    subprocess.run([sys.executable, "-c", command, *map(str, arguments + files)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "embedding.npy"), expected, atol=1e-5)


def test_a_keras_layer_gives_the_embeddings_and_can_be_fine_tuned(run):
    saved_model, images, expected = run
    example = module(ROOT / "examples" / "fine_tune.py")
    layer = keras.layers.TFSMLayer(str(saved_model), call_endpoint="serve")
    np.testing.assert_allclose(layer(images)["embedding"], expected, atol=1e-5)
    model, encoder = example.build(str(saved_model), (8, 8, 1), 10)
    digits, labels = example.digits()
    before = encoder(digits[:5])["embedding"].numpy()
    encoder.trainable = False
    example.fit(model, digits[:64], labels[:64], learning_rate=1e-2, epochs=1)
    np.testing.assert_array_equal(encoder(digits[:5])["embedding"], before)
    encoder.trainable = True
    example.fit(model, digits[:64], labels[:64], learning_rate=1e-2, epochs=1)
    assert np.abs(encoder(digits[:5])["embedding"] - before).max() > 1e-3


def test_a_client_of_tensorflow_serving_gets_the_embeddings_and_the_refusals(run):
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api, of the extra bench")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    saved_model, images, expected = run
    service = module(ROOT / "benchmarks" / "prediction_server.py").PredictionService(str(saved_model))

    class Context:
        def abort(self, code, details):
            raise ValueError(f"{code}: {details}")

    request = predict_pb2.PredictRequest()
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
    # Through bytes, as they would go over the wire.
    request = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    response = service.Predict(request, Context())
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["embedding"]), expected, atol=1e-5)
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images[:, :, :7]))
    with pytest.raises(ValueError, match=str(grpc.StatusCode.INVALID_ARGUMENT)):
        service.Predict(request, Context())
