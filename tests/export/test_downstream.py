"""Software that knows nothing of this package: TensorFlow's command line, a Keras layer, Serving's protocol."""

import io
import subprocess
import sys

import keras
import numpy as np
import pytest
from benchmark_scripts import script
from PIL import Image

from aag_tf.runs.exported_classifier import load_saved_classifier


@pytest.fixture(scope="module")
def served(run, encoder_dir):
    """A SavedModel, images, and the embeddings that they have."""
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    return encoder_dir / "1", images, run[1](images, training=False).numpy()


def test_saved_model_cli_runs_it(served, tmp_path):
    saved_model, images, expected = served
    np.save(tmp_path / "images.npy", images)
    command = "from tensorflow.python.tools.saved_model_cli import main; main()"
    arguments = ["run", "--dir", saved_model, "--tag_set", "serve", "--signature_def", "serving_default"]
    files = ["--inputs", f"images={tmp_path / 'images.npy'}", "--outdir", tmp_path]
    subprocess.run([sys.executable, "-c", command, *map(str, arguments + files)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "embedding.npy"), expected, atol=1e-5)


def test_a_keras_layer_gives_the_embeddings_and_can_be_fine_tuned(served):
    saved_model, images, expected = served
    example = script("fine_tune", "examples")
    layer = keras.layers.TFSMLayer(str(saved_model), call_endpoint="serve")
    np.testing.assert_allclose(layer(images)["embedding"], expected, atol=1e-5)
    model, encoder = example.build(str(saved_model), (8, 8, 1), 10)
    (digits, labels), _ = example.labeled_images("digits")
    before = encoder(digits[:5])["embedding"].numpy()
    encoder.trainable = False
    example.fit(model, digits[:64], labels[:64], learning_rate=1e-2, epochs=1)
    np.testing.assert_array_equal(encoder(digits[:5])["embedding"], before)
    encoder.trainable = True
    example.fit(model, digits[:64], labels[:64], learning_rate=1e-2, epochs=1)
    assert np.abs(encoder(digits[:5])["embedding"] - before).max() > 1e-3


def test_a_client_of_tensorflow_serving_gets_the_embeddings_and_the_refusals(served):
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api, of the extra bench")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    saved_model, images, expected = served
    service = script("prediction_server").PredictionService(str(saved_model))

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


def test_a_client_of_tensorflow_serving_gets_labels_as_strings(exported_classifier):
    pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api, of the extra bench")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1), np.uint8)
    right = load_saved_classifier(exported_classifier.path)(images)
    files = []
    for image in images:
        files.append(io.BytesIO())
        Image.fromarray(image[..., 0]).save(files[-1], "PNG")
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "classify_bytes"
    request.inputs["contents"].CopyFrom(tf.make_tensor_proto([b"none", *(file.getvalue() for file in files)]))
    request = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    response = script("prediction_server").PredictionService(str(exported_classifier.path)).Predict(request, None)
    answer = {name: tf.make_ndarray(value) for name, value in response.outputs.items()}
    assert [label.decode() for label in answer["label"]] == ["", *right.labels]
    assert answer["valid"].tolist() == [False] + [True] * 5
    np.testing.assert_allclose(answer["probabilities"][1:], right.probabilities, atol=1e-6)
