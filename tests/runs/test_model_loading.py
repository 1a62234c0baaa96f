"""Models of strangers: real attacks are refused before they touch a file, and models that compute are taken."""

import contextlib
import re

import hostile_models
import keras
import numpy as np
import pytest
import tensorflow as tf
from hostile_models import SECRET, Places, counted, in_a_data_set, in_a_loop, save, write

from aag_tf.runs import model_loading
from aag_tf.runs.allowed_operations import ALLOWED_OPERATIONS
from aag_tf.runs.model_loading import load_graph, operations_beyond_computing
from aag_tf.utils.errors import ExportError

RAW = tf.raw_ops


def load(directory, **options):
    return load_graph(directory, damaged=lambda raised: ExportError(f"damaged ({raised})"), **options)


def images():
    return tf.zeros([2, *hostile_models.SHAPE], tf.uint8)


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


def file_of(places):
    return str(places.written)


# What each does besides, and whether it touches a file when it is trusted: those that do not are refused all the same.
WRITERS = {
    "WriteFile": lambda places: save(places, lambda: write(places)),
    "WriteFile in a loop": lambda places: save(places, lambda: in_a_loop(lambda: write(places))),
    "WriteFile in a branch": lambda places: save(
        places, lambda: tf.cond(tf.random.uniform([]) < 2, lambda: in_a_loop(lambda: write(places)), lambda: 0)
    ),
    "WriteFile in a data set": lambda places: save(places, lambda: in_a_data_set(lambda: write(places))),
    "WriteFile at load": hostile_models.at_load,
    "WriteFile at load, of TensorFlow 1": lambda places: hostile_models.of_tensorflow_1(
        places, lambda: write(places), "init"
    ),
    "WriteFile as it is restored": lambda places: hostile_models.of_tensorflow_1(
        places, lambda: write(places), "restore"
    ),
    "SaveV2 as it is restored": lambda places: hostile_models.of_tensorflow_1(
        places,
        lambda: RAW.SaveV2(
            prefix=file_of(places), tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
        ),
        "restore",
    ),
    "SaveV2": hostile_models.saved_by_a_signature,
    "PrintV2": lambda places: save(places, lambda: tf.print("x", output_stream=f"file://{file_of(places)}")),
    "DebugIdentityV3": lambda places: save(
        places,
        lambda: RAW.DebugIdentityV3(input=tf.constant(1.0), tensor_name="a", debug_urls=[f"file://{file_of(places)}"]),
    ),
    "CacheDataset": lambda places: save(places, lambda: counted(tf.data.Dataset.range(2).cache(file_of(places)))),
    "DatasetFromGraph": lambda places: save(places, lambda: hostile_models.hidden_in_a_string(places)),
}
READERS = {
    "ReadFile": lambda places: save(places, lambda: tf.strings.length(tf.io.read_file(str(places.secret)))),
    "MatchingFiles": lambda places: save(places, lambda: tf.size(tf.io.matching_files(f"{places.folder}/*"))),
    "ImmutableConst": lambda places: save(
        places,
        lambda: RAW.ImmutableConst(dtype=tf.uint8, shape=[], memory_region_name=str(places.secret)),
    ),
    "TextLineDataset": lambda places: save(places, lambda: counted(tf.data.TextLineDataset(str(places.secret)))),
    "TFRecordDataset": lambda places: save(places, lambda: counted(tf.data.TFRecordDataset(str(places.secret)))),
    "InitializeTableFromTextFileV2": hostile_models.table_from_a_file,
    "RestoreV2": lambda places: save(
        places,
        lambda: RAW.RestoreV2(prefix=file_of(places), tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[
            0
        ],
    ),
    "RestoreV2 of another file": hostile_models.restored_from_another_file,
    "PyFuncStateless": lambda places: save(places, hostile_models.python_function),
    "EagerPyFunc": lambda places: save(places, lambda: tf.py_function(lambda: 1.0, [], tf.float32)),
    "Print": lambda places: save(places, lambda: tf.compat.v1.Print(1.0, ["\x1b[31m"])),
}


@pytest.mark.parametrize("attack", WRITERS | READERS)
def test_an_attack_is_refused_and_nothing_is_touched(places, attack):
    (WRITERS | READERS)[attack](places)
    places.clear()
    operation = re.match(r"\w+", attack)[0]
    with pytest.raises(ExportError, match=rf"can do more than compute.*\([^)]*\b{operation}.*--trust_model") as refusal:
        load(places.model)
    assert "\n" not in str(refusal.value)
    assert not places.touched()


@pytest.mark.parametrize("attack", WRITERS)
def test_it_was_an_attack(places, attack):
    WRITERS[attack](places)
    places.clear()
    with contextlib.suppress(tf.errors.OpError):  # after the file was written
        load(places.model, trust_model=True).signatures["serving_default"](images=images())
    assert places.touched()


def test_a_trusted_model_reads_and_is_named(places, caplog):
    READERS["ReadFile"](places)
    answer = load(places.model, trust_model=True).signatures["serving_default"](images=images())
    assert answer["embedding"].numpy()[:, -1].tolist() == [len(SECRET)] * 2
    assert f"{places.model} is trusted: it can read and write your files (ReadFile)." in caplog.text


class Detector(tf.Module):
    """As detectors are exported: decodes files one by one, and suppresses boxes that overlap."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.random.normal([3, 3, 3, 8]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="files")])
    def decode(self, files):
        def one(file):
            return tf.image.resize(tf.io.decode_image(file, 3, expand_animations=False), [32, 32])

        return self.detect(tf.cast(tf.map_fn(one, files, fn_output_signature=tf.float32), tf.uint8))

    @tf.function(input_signature=[tf.TensorSpec([None, 32, 32, 3], tf.uint8, name="images")])
    def detect(self, images):
        found = tf.nn.relu(tf.nn.conv2d(tf.cast(images, tf.float32) / 255, self.kernel, 2, "SAME"))
        boxes = tf.reshape(found, [tf.shape(images)[0], -1, 1, 4])
        best = tf.image.combined_non_max_suppression(boxes, tf.sigmoid(tf.reduce_sum(boxes, -1)), 5, 5)
        return {"embedding": tf.reduce_mean(found, [1, 2]), "boxes": best.nmsed_boxes}


def application(name):
    return getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), include_top=False, pooling="avg")


def layers(*parts, shape=(16, 16, 3)):
    return keras.Sequential([keras.Input(shape), *parts])


def attention():
    inputs = keras.Input((16, 16, 3))
    patches = keras.layers.Reshape((16, 16))(keras.layers.Conv2D(16, 4, 4)(inputs))
    mixed = keras.layers.LayerNormalization()(keras.layers.MultiHeadAttention(2, 8)(patches, patches))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(mixed))


MODELS = {
    "MobileNetV3Small": lambda: application("MobileNetV3Small"),
    "convolutions": lambda: layers(
        keras.layers.Rescaling(1 / 255),
        keras.layers.Resizing(8, 8),
        keras.layers.SeparableConv2D(8, 3),
        keras.layers.Conv2DTranspose(4, 3),
        keras.layers.GlobalAveragePooling2D(),
    ),
    "recurrent": lambda: layers(keras.layers.Reshape((16, 48)), keras.layers.GRU(4), keras.layers.Dense(3)),
    "attention": attention,
}
LEFT_OUT = [("MobileNetV3Small", "export")]  # is traced for seconds


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for way in ("export", "save") for name in MODELS if (name, way) not in LEFT_OUT]
)
def test_models_of_keras_are_taken(tmp_path, name, way):
    model = MODELS[name]()
    if way == "export":
        model.export(str(tmp_path / "model"), verbose=False)
    else:
        tf.saved_model.save(model, str(tmp_path / "model"))
    assert operations_beyond_computing(tmp_path / "model") == []
    loaded = load(tmp_path / "model")
    pixels = np.random.default_rng(0).uniform(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
    (answer,) = loaded.signatures["serving_default"](tf.constant(pixels)).values()
    np.testing.assert_allclose(answer, model(pixels, training=False), atol=1e-4)


def test_a_detector_that_decodes_files_is_taken(tmp_path):
    detector = Detector()
    tf.saved_model.save(detector, str(tmp_path / "model"), {"images": detector.detect, "files": detector.decode})
    file = tf.io.encode_png(tf.zeros([9, 7, 3], tf.uint8))
    answer = load(tmp_path / "model").signatures["files"](files=tf.stack([file]))
    assert answer["boxes"].shape == (1, 5, 4)


def test_a_model_of_tensorflow_1_is_taken(places):
    hostile_models.of_tensorflow_1(places)
    answer = load(places.model).signatures["serving_default"](images=images())
    assert answer["embedding"].numpy()[:, -1].tolist() == [1, 1]


def test_a_graph_of_any_size_is_not_read(places, monkeypatch):
    save(places, lambda: None)
    size = (places.model / "saved_model.pb").stat().st_size
    monkeypatch.setattr(model_loading, "LARGEST", size)
    assert operations_beyond_computing(places.model) == []
    monkeypatch.setattr(model_loading, "LARGEST", size - 1)
    with pytest.raises(
        ExportError, match=r"saved_model\.pb has 0\.0 GiB and may have 0; export the model with its weights"
    ):
        operations_beyond_computing(places.model)


def test_what_tensorflow_raises_for_a_damaged_graph_is_what_was_asked_for(places):
    save(places, lambda: None)
    index = places.model / "variables" / "variables.index"
    index.write_bytes(b"")
    with pytest.raises(ExportError, match=r"^damaged \(\w+\)$"):
        load(places.model)


def test_many_operations_are_named_in_part(places):
    save(
        places,
        lambda: tf.group(
            *(tf.print(each, output_stream=f"file://{file_of(places)}") for each in "ab"),
            write(places),
            tf.io.read_file("a"),
            tf.io.matching_files("a"),
            tf.numpy_function(lambda: 1.0, [], tf.float64),
            RAW.Abort(),
            RAW.DebugIdentityV3(input=1.0, debug_urls=[]),
        ),
    )
    with pytest.raises(ExportError, match=r"\(Abort, DebugIdentityV3, MatchingFiles, PrintV2, PyFunc and 2 more\)"):
        load(places.model)


# Arguments of allowed operations that sound like a file, and are none.
HARMLESS = {"config_proto", "is_files", "pattern", "resource", "resources", "source", "top_paths"}
SUSPICIOUS = re.compile(
    r"address|command|descriptor|dir|file|graph|host|library|memory_region|module|path|pattern|port|prefix|program|proto|"
    r"region|script|server|source|token|uri|url|vocab"
)


def test_allowed_operations_exist_and_take_no_files():
    from tensorflow.python.framework import op_def_registry

    definitions = {name: op_def_registry.get(name) for name in ALLOWED_OPERATIONS}
    assert [name for name, definition in definitions.items() if definition is None] == []
    takes = {
        (name, argument.name)
        for name, definition in definitions.items()
        for argument in (*definition.input_arg, *definition.attr)
        if SUSPICIOUS.search(argument.name) and argument.name not in HARMLESS
    }
    assert takes == set()
