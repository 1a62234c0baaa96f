"""Every way into an exported encoder: the same embeddings, and errors instead of silent numbers."""

import numpy as np
import pytest
import tensorflow as tf
from picture_files import encode
from PIL import Image

from aag_tf.config import ExportConfig
from aag_tf.data.files.resizing import fit
from aag_tf.export import load_saved_model
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import ConfigError, ExportError

DIM, PROJECTION_DIM = 32, 4


@pytest.fixture(scope="module")
def networks(run):
    return load_run(run[0])


@pytest.fixture(scope="module")
def signatures(model):
    return model.loaded.signatures


def images(count, shape=(8, 8, 1)):
    return np.random.default_rng(3).integers(0, 256, (count, *shape), np.uint8)


def png(image):
    return encode(Image.fromarray(image[..., 0]), "PNG")


def test_normalized_has_length_one_and_the_direction_of_the_embedding(signatures):
    answer = signatures["serving_default"](images=tf.constant(images(5)))
    lengths = np.linalg.norm(answer["embedding"], axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(answer["normalized"], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(answer["normalized"] * lengths, answer["embedding"], rtol=1e-5, atol=1e-6)


def test_bytes_give_the_embeddings_of_their_pixels(networks, signatures):
    batch = images(6)
    answer = signatures["embed_bytes"](contents=tf.constant([png(image) for image in batch]))
    assert answer["valid"].numpy().all()
    np.testing.assert_allclose(answer["embedding"], networks.encoder(batch, training=False), atol=1e-6)


def test_a_broken_file_is_named_and_costs_no_neighbor(signatures):
    batch = [png(image) for image in images(3)]
    alone = signatures["embed_bytes"](contents=tf.constant(batch))["embedding"].numpy()
    mixed = [b"", batch[0], batch[1][:40], batch[1], batch[2], b"text"]
    answer = {name: value.numpy() for name, value in signatures["embed_bytes"](contents=tf.constant(mixed)).items()}
    assert answer["valid"].tolist() == [False, True, False, True, True, False]
    np.testing.assert_allclose(answer["embedding"][[1, 3, 4]], alone, atol=1e-6)
    assert not answer["embedding"][[0, 2, 5]].any()
    assert not answer["normalized"][[0, 2, 5]].any()


def test_the_reader_of_saved_models_embeds_bytes(model, encoder_dir):
    embedding, valid = model.embed_bytes(tf.constant([png(images(1)[0]), b"broken"]))
    assert embedding.shape == (2, DIM)
    assert valid.numpy().tolist() == [True, False]
    with pytest.raises(ExportError, match="no signature embed_bytes"):
        load_saved_model(encoder_dir).embed_bytes(tf.constant([b""]))


def test_images_of_any_size_are_resized_as_training_does(networks, signatures):
    batch = images(3, (20, 31, 1))
    answer = signatures["embed_images"](images=tf.constant(batch))
    expected = networks.encoder(fit(tf.constant(batch), (8, 8)), training=False)
    np.testing.assert_allclose(answer["embedding"], expected, atol=1e-6)
    same = images(3)
    np.testing.assert_allclose(
        signatures["embed_images"](images=tf.constant(same))["embedding"],
        networks.encoder(same, training=False),
        atol=1e-6,
    )


def test_projections_are_those_of_training(networks, signatures):
    batch = images(4)
    answer = signatures["project"](images=tf.constant(batch))
    expected = networks.projector(networks.encoder(batch, training=False), training=False).numpy()
    np.testing.assert_allclose(answer["projection"], expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(answer["normalized"], axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "empty", "output", "dim"),
    [
        ("serving_default", {"images": images(0)}, "embedding", DIM),
        ("embed_images", {"images": images(0, (20, 30, 1))}, "embedding", DIM),
        ("embed_bytes", {"contents": np.array([], object)}, "embedding", DIM),
        ("project", {"images": images(0)}, "projection", PROJECTION_DIM),
    ],
)
def test_an_empty_batch_gives_no_rows(signatures, name, empty, output, dim):
    dtype = tf.string if name == "embed_bytes" else tf.uint8
    answer = signatures[name](**{argument: tf.constant(value, dtype) for argument, value in empty.items()})
    assert answer[output].shape == (0, dim)
    assert answer["normalized"].shape == (0, dim)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("project", images(2, (8, 9, 1))),
        ("embed_images", images(2, (8, 8, 3))),
        ("embed_images", images(2, (0, 8, 1))),
        ("embed_images", images(1, (101, 100, 1))),
        ("embed_images", images(8, (8,))),
        ("embed_bytes", np.array([[b"a", b"b"]])),
    ],
)
def test_what_does_not_fit_is_an_error_inside_the_graph(signatures, name, wrong):
    argument = "contents" if name == "embed_bytes" else "images"
    wrong = tf.constant(wrong)
    # Through a function that knows no shape, so that nothing but the exported graph itself can refuse it.
    blind = tf.function(lambda x: signatures[name](**{argument: x}), input_signature=[tf.TensorSpec(None, wrong.dtype)])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"compatible with expected shape|without pixels|more than 10000 pixels"
    ):
        blind(wrong)


def test_the_limit_on_pixels_is_the_one_asked_for(signatures):
    batch = [png(images(1, (100, side, 1))[0]) for side in (100, 101)]
    assert signatures["embed_bytes"](contents=tf.constant(batch))["valid"].numpy().tolist() == [True, False]


def test_metadata_describes_what_the_graph_takes_and_gives(model):
    described = model.metadata.signatures
    assert list(described) == ["serving_default", "project", "embed_images", "embed_bytes"]
    for name, description in described.items():
        graph = model.loaded.signatures[name]
        (spec,) = graph.structured_input_signature[1].values()
        (stated,) = description["inputs"].values()
        assert (spec.shape.as_list(), spec.dtype.name) == (stated["shape"], stated["dtype"])
        assert {key: (value.shape.as_list(), value.dtype.name) for key, value in graph.structured_outputs.items()} == {
            key: (value["shape"], value["dtype"]) for key, value in description["outputs"].items()
        }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"signatures": "serving_default,embed"}, "--signatures=embed is not known"),
        ({"signatures": "embed_bytes"}, "leaves out serving_default"),
        ({"weights": "int8"}, "--weights=int8 is not known"),
        ({"max_pixels": 0}, "--max_pixels=0 is out of range"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        ExportConfig(run_dir="run", export_dir="model", **settings)
