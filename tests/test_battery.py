"""What every public layer, loss and callback must do, whatever else it does.

A new one fails `test_nothing_public_is_left_out` until it has its line here. That losses over two replicas add up to
the whole is tested in `tests/distribute`, since collectives need processes of their own.
"""

import functools
import importlib
import io
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import aag_tf
from aag_tf import training
from aag_tf.augment import AuxiliaryBranch, Branch, LayersBranch, MainBranch, ViewMaker
from aag_tf.config import TrainConfig
from aag_tf.data import ArrayImages, Split, training_batches
from aag_tf.encoders import BatchNorm
from aag_tf.losses import GNTXent, LearnedTemperature
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.training import callbacks

COUNT, SHAPE = 12, (8, 8, 1)
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (COUNT, *SHAPE), np.uint8)
# A training batch, of which a layer takes what it needs.
BATCH = {"image": PIXELS, "row": np.arange(COUNT, dtype=np.int64), "step": np.full(COUNT, 3, np.int64)}


def networks():
    layers = keras.layers
    encoder = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, strides=2), BatchNorm(), layers.GlobalAveragePooling2D()]
    projector = [keras.Input((4,)), layers.Dense(3)]
    return keras.Sequential([keras.Input(SHAPE), *encoder]), keras.Sequential(projector)


def model():
    return training.AAG(*networks(), ViewMaker(MainBranch(jit_compile=False)), seed=3)


def batch_norm():
    layer = BatchNorm()
    layer.build((None, *SHAPE))
    layer.moving_mean.assign([128.0])
    layer.moving_variance.assign([5000.0])
    return layer


def turning():
    return LayersBranch([keras.layers.RandomRotation(0.1, seed=1)], per_image=True, seed=5)


def draw(branch, batch):
    return branch.draw(batch["image"], seed=(1, 2), step=7, row=batch["row"])


def infer(layer, batch):
    return layer(tf.cast(batch["image"], tf.float32), training=False)


# How a layer is built, and what it makes of a batch.
LAYERS = {
    "AAG": (model, infer),
    "AuxiliaryBranch": (lambda: AuxiliaryBranch("cutout", seed=5, jit_compile=False), draw),
    "BatchNorm": (batch_norm, infer),
    "LayersBranch": (turning, draw),
    "LearnedTemperature": (
        lambda: LearnedTemperature(0.3),
        lambda layer, batch: tf.cast(batch["image"], tf.float32) * layer.value(),
    ),
    "MainBranch": (lambda: MainBranch(seed=5, jit_compile=False), draw),
    "ViewMaker": (
        lambda: ViewMaker(MainBranch(seed=5, jit_compile=False), turning()),
        lambda layer, batch: layer(batch, seed=3)["views"],
    ),
}
LOSSES = {
    "GNTXent": lambda: GNTXent(temperature=0.3, coupling=0.5, aux_weight=0.7),
    "GNTXent, streaming": lambda: GNTXent(temperature=0.3, aux_negatives=False, form="streaming"),
    "GNTXent, RINCE with all positives in one softmax": lambda: GNTXent(
        temperature=0.3, coupling=1.0, positives="in", rince_q=0.5, normalization_gradient="unscaled"
    ),
    "GNTXent, DCLW": lambda: GNTXent(temperature=0.3, dclw_sigma=0.5),
    "GNTXent, learned temperature": lambda: GNTXent(temperature=LearnedTemperature(0.3)),
}
STEPS = callbacks.StepRange(0, total_steps=4, steps_per_epoch=2)


@functools.cache
def split():
    return Split(ArrayImages(PIXELS), np.arange(COUNT) % 2)


class Ignored:
    """A writer of records that nobody reads."""

    def write(self, record):
        pass


def state(trained):
    return RunState(**trained.parts())


CALLBACKS = {
    "Checkpoints": lambda folder, trained: callbacks.Checkpoints(
        CheckpointStore(folder), state(trained), STEPS, every=2, keep=1, check=lambda step: None
    ),
    "EmbeddingProjector": lambda folder, trained: callbacks.EmbeddingProjector(
        folder, trained.encoder, split(), ["even", "odd"], STEPS, every=2
    ),
    "EncoderMonitor": lambda _, trained: callbacks.EncoderMonitor(
        trained.encoder, split(), split(), [Ignored()], STEPS, every=2
    ),
    "GracefulStop": lambda *_: callbacks.GracefulStop(STEPS),
    "Histograms": lambda folder, trained: callbacks.Histograms(
        callbacks.TensorBoardWriter(folder), {"encoder": trained.encoder}, STEPS, every=2
    ),
    "Hyperparameters": lambda folder, _: callbacks.Hyperparameters(
        callbacks.TensorBoardWriter(folder), TrainConfig(), total_steps=4
    ),
    "Preview": lambda folder, _: callbacks.Preview(callbacks.TensorBoardWriter(folder), TrainConfig(), split().images),
    "Profiler": lambda folder, _: callbacks.Profiler(folder, 1, 2, STEPS),
    "Progress": lambda *_: callbacks.Progress(STEPS, stream=io.StringIO()),
    "StepLog": lambda *_: callbacks.StepLog([Ignored()], STEPS, every=2, global_batch_size=4),
    "TerminateOnNaN": lambda folder, trained: callbacks.TerminateOnNaN(
        STEPS, CheckpointStore(folder), state(trained), TrainConfig()
    ),
}


def public(kind):
    """Names of the classes of a kind that the package's rooms export."""
    rooms = [f"aag_tf.{room.name}" for room in pkgutil.iter_modules(aag_tf.__path__) if room.ispkg]
    modules = [importlib.import_module(room) for room in [*rooms, "aag_tf.training.callbacks"]]
    exported = [getattr(module, name) for module in modules for name in getattr(module, "__all__", ())]
    return {part.__name__ for part in exported if isinstance(part, type) and issubclass(part, kind)}


def test_nothing_public_is_left_out():
    assert public(keras.layers.Layer) - {Branch.__name__} == set(LAYERS)  # Branch is abstract
    assert public(keras.losses.Loss) == {name.partition(",")[0] for name in LOSSES}
    assert public(keras.callbacks.Callback) == set(CALLBACKS)


def rows(first, last):
    return {name: values[first:last] for name, values in BATCH.items()}


def built(name):
    keras.utils.set_random_seed(1)
    return LAYERS[name][0]()


def run(name, layer, batch):
    return LAYERS[name][1](layer, batch)


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)  # gray levels, of 255


def again(part):
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part))


# A model is rebuilt from the settings of its run and not from a config.
@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"AAG"}))
def test_a_layer_comes_back_from_its_config(name):
    layer = built(name)
    copy = again(layer)
    copy.set_weights(layer.get_weights())
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(run(name, copy, BATCH), run(name, layer, BATCH))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_the_same_seed_does_the_same(name):
    first, second = built(name), built(name)
    expected = run(name, first, BATCH)
    np.testing.assert_array_equal(run(name, second, BATCH), expected)
    np.testing.assert_array_equal(run(name, first, BATCH), expected)  # no state moves between calls


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_treats_an_image_alike_in_every_batch_in_tf_data_and_on_two_replicas(name):
    layer = built(name)
    expected = run(name, layer, BATCH)
    assert_close(run(name, layer, rows(4, 7)), expected[4:7])

    batches = tf.data.Dataset.from_tensor_slices(BATCH).batch(5)  # the last holds two
    assert_close(np.concatenate(list(batches.map(lambda batch: run(name, layer, batch)))), expected)

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        shared = built(name)
    halves = [rows(0, COUNT // 2), rows(COUNT // 2, COUNT)]
    parts = {
        key: strategy.experimental_distribute_values_from_function(
            lambda context, key=key: tf.constant(halves[context.replica_id_in_sync_group][key])
        )
        for key in BATCH
    }
    shares = strategy.experimental_local_results(strategy.run(lambda batch: run(name, shared, batch), (parts,)))
    assert_close(np.concatenate(shares), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_keeps_its_precision_under_a_mixed_policy(name):
    expected = run(name, built(name), BATCH)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = tf.cast(run(name, built(name), BATCH), tf.float32)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=5e-2)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_traced_once(name):
    layer = built(name)
    call = tf.function(lambda batch: run(name, layer, batch))
    tensors = {key: tf.constant(values) for key, values in BATCH.items()}
    assert_close(call(tensors), run(name, layer, BATCH))
    call({**tensors, "image": 255 - tensors["image"]})
    assert call.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_comes_back_from_its_config_keeps_its_precision_and_is_traced_once(name):
    loss, projections = LOSSES[name](), tf.constant(RNG.normal(size=(6, 3, 5)), tf.float32)
    expected = loss(None, projections)
    assert expected.dtype == tf.float32
    assert float(again(loss)(None, projections)) == float(expected) == float(LOSSES[name]()(None, projections))
    half = loss(None, tf.cast(projections, tf.float16))
    assert half.dtype == tf.float32
    assert float(half) == pytest.approx(float(expected), rel=1e-2)
    call = tf.function(lambda projections: loss(None, projections))
    assert float(call(projections)) == pytest.approx(float(expected), rel=1e-5)
    call(2.0 * projections)
    assert call.experimental_get_tracing_count() == 1


@pytest.fixture(scope="module")
def trained():
    """A compiled model, its start, and its weights after four steps without callbacks."""
    keras.utils.set_random_seed(1)
    compiled = model()
    compiled.compile(keras.optimizers.SGD(0.1, momentum=0.9), GNTXent(), jit_compile=False)
    compiled.optimizer.build(compiled.trained_variables)
    variables = [*compiled.encoder.variables, *compiled.projector.variables, *compiled.optimizer.variables]
    start = [tf.convert_to_tensor(variable).numpy() for variable in variables]

    def fit(*extra):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        batches = training_batches(split().images, global_batch_size=4, seed=3, start_step=0, num_steps=4)
        compiled.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=list(extra))
        return [tf.convert_to_tensor(variable).numpy() for variable in variables]

    return compiled, fit, fit()


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_changes_nothing_that_is_learned_and_causes_no_tracing(name, trained, tmp_path):
    compiled, fit, expected = trained
    assert any(np.any(value) for value in expected)
    for found, value in zip(fit(CALLBACKS[name](tmp_path, compiled)), expected, strict=True):
        np.testing.assert_array_equal(found, value)
    assert compiled.train_function.__wrapped__.experimental_get_tracing_count() == 1
