"""What a run leaves for TensorBoard, read back by TensorBoard's own readers, and the table that explains it."""

import io
import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from google.protobuf import json_format, text_format  # what TensorBoard writes and reads
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import backend_context, metadata, plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig

from aag_tf.config import LossConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.data import ArrayImages, Split
from aag_tf.training.callbacks import (
    FIRST_TAGS,
    TAGS,
    EmbeddingProjector,
    Histograms,
    Hyperparameters,
    MetricsFile,
    Profiler,
    StepRange,
    TensorBoardWriter,
)
from aag_tf.training.callbacks.embedding_projector import sprite
from aag_tf.utils.errors import ConfigError

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "tensorboard.md"
SPAN = StepRange(start_step=0, total_steps=5, steps_per_epoch=5)


def read(directory):
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    return events


def scalars(directory, tag):
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in read(directory).Tensors(tag)}


def test_the_table_in_the_documentation_has_every_tag_with_its_name():
    rows = re.findall(r"^\| `([a-z0-9_/]+)` \| (?:`([a-z0-9_]+)`|–) \|", TABLE.read_text(), re.MULTILINE)
    written = {tag: name for tag, name in rows}
    assert written.keys() == set(TAGS.values()) | set(FIRST_TAGS.values())
    for name, tag in FIRST_TAGS.items():
        assert written.pop(tag) in (name, ""), tag
    for name, tag in TAGS.items():
        assert written[tag] in (name, ""), tag
    assert [tag for tag, name in written.items() if not name] == [TAGS["best_knn_accuracy"]]


def test_the_first_group_is_what_to_look_at_first(tmp_path):
    events = TensorBoardWriter(tmp_path)
    events.write({"step": 1, "loss": 2.0, "learning_rate": 0.5, "effective_negatives": 3.0, "made_up": 1.0})
    events.write({"step": 2, "knn_accuracy": 0.25, "linear_accuracy": 0.75})
    events.close()
    tags = sorted(read(tmp_path).Tags()["tensors"])  # as TensorBoard orders them
    first = [tag for tag in tags if tag.startswith("at_a_glance/")]
    assert tags[: len(first)] == first
    assert first == list(FIRST_TAGS.values())
    assert [scalars(tmp_path, tag) for tag in first] == [{1: 2.0}, {2: 0.25}, {2: 0.75}, {1: 0.5}, {2: 0.25}]
    assert scalars(tmp_path, "loss/gnt_xent") == {1: 2.0}
    assert scalars(tmp_path, "other/made_up") == {1: 1.0}


def test_the_best_accuracy_is_kept_beside_each_and_over_a_resume(tmp_path):
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for step, accuracy in [(1, 0.25), (2, 0.5), (3, 0.375)]:
        metrics.write({"step": step, "knn_accuracy": accuracy})
    resumed = MetricsFile(tmp_path / "metrics.jsonl", start_step=2)
    assert resumed.best("knn_accuracy") == 0.5
    assert resumed.best("loss") == 0.0
    events = TensorBoardWriter(tmp_path / "events", best_knn_accuracy=resumed.best("knn_accuracy"))
    for step, accuracy in [(3, 0.375), (4, 0.75)]:
        events.write({"step": step, "knn_accuracy": accuracy})
    assert scalars(tmp_path / "events", "evaluation/best_knn_accuracy") == {3: 0.5, 4: 0.75}


def test_events_that_a_run_is_going_to_repeat_are_dropped(tmp_path):
    def losses():
        events = read(tmp_path).Tensors("loss/gnt_xent")
        # Sorted, since files of one second are read by the number at the end of their name, 10 before 9.
        return sorted((event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events)

    first = TensorBoardWriter(tmp_path)
    for step in (1, 2, 3, 4):
        first.write({"step": step, "loss": step / 2})
    first.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])  # a process was killed here
    second = TensorBoardWriter(tmp_path, start_step=2)
    second.write({"step": 3, "loss": 9.0})
    second.close()
    assert losses() == [(1, 0.5), (2, 1.0), (3, 9.0)]
    third = TensorBoardWriter(tmp_path)  # from step 0
    third.write({"step": 1, "loss": 7.0})
    third.close()
    assert losses() == [(1, 7.0)]


def hyperparameters(directory, config, steps):
    """Writes the settings of a run; returns TensorBoard's own view of all runs below the directory's parent."""
    events = TensorBoardWriter(directory)
    callback = Hyperparameters(events, config, steps)
    callback.on_train_begin()
    callback.on_train_end()
    events.write({"step": steps, "loss": 2.0, "knn_accuracy": 0.5, "effective_negatives": 3.0})
    events.close()


def test_the_hparams_page_has_the_settings_that_differ_and_the_results(tmp_path):
    cooler = TrainConfig(loss=LossConfig(temperature=0.3), run=RunConfig(run_dir="elsewhere", log_every_steps=7))
    hyperparameters(tmp_path / "plain", TrainConfig(), 5)
    hyperparameters(tmp_path / "cooler", cooler, 5)
    seeded = TrainConfig(schedule=ScheduleConfig(train_steps=9, seed=3), run=RunConfig(run_dir="runs/seeded"))
    hyperparameters(tmp_path / "seeded", seeded, 9)

    found = {}
    for name in ("plain", "cooler", "seeded"):
        content = read(tmp_path / name).PluginTagToContent("hparams")
        assert content.keys() == {metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG}
        start = plugin_data_pb2.HParamsPluginData.FromString(content[metadata.SESSION_START_INFO_TAG])
        found[name] = json_format.MessageToDict(start.session_start_info)["hparams"]
    always = {"dataset": "digits", "encoder": "tiny", "global_batch_size": 64.0, "learning_rate": 0.0035}
    always |= {"aux": "default", "coupling": 0.0}
    assert found["plain"] == {**always, "temperature": 0.17, "steps": 5.0}
    assert found["cooler"] == {**always, "temperature": 0.3, "steps": 5.0}
    assert found["seeded"] == {**always, "temperature": 0.17, "steps": 9.0, "seed": 3.0}

    assert start.session_start_info.group_name == "seeded (runs)"

    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    assert set(multiplexer.Runs()) == {"plain", "cooler", "seeded"}
    context = TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(tmp_path)), logdir=str(tmp_path))
    page, request = backend_context.Context(context), RequestContext()
    declared = page.experiment_from_metadata(request, "", True, page.hparams_metadata(request, ""), [])
    names = [info.name for info in declared.hparam_infos]
    assert set(names[:2]) == {"steps", "temperature"}  # those that differ come first
    assert set(names) == {*always, "steps", "temperature", "seed"}
    results = [info.name.tag for info in declared.metric_infos]
    assert results[:2] == [FIRST_TAGS["loss"], FIRST_TAGS["knn_accuracy"]]


def test_the_projector_gets_vectors_labels_and_thumbnails_in_one_order(tmp_path):
    pixels = np.zeros((5, 2, 2, 1), np.uint8)
    pixels[:, :, :, 0] = np.arange(5)[:, None, None] * 50
    split = Split(ArrayImages(pixels), np.array([0, 1, 2, 1, 0]))
    encoder = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Rescaling(2.0)])
    callback = EmbeddingProjector(tmp_path, encoder, split, ["cat", "a\tdog", ""], SPAN, every=10)
    callback.on_train_batch_end(3)
    assert not list(tmp_path.iterdir())
    callback.on_train_batch_end(4)

    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (shown,) = config.embeddings
    vectors = np.loadtxt(tmp_path / shown.tensor_path, delimiter="\t")
    np.testing.assert_allclose(vectors[:, 0], np.arange(5) * 100)
    labels = (tmp_path / shown.metadata_path).read_text().splitlines()
    assert labels == ["cat", "a dog", "(empty)", "a dog", "cat"]
    sheet = np.asarray(PIL.Image.open(tmp_path / shown.sprite.image_path))
    width, height = shown.sprite.single_image_dim
    assert sheet.shape == (3 * height, 3 * width, 3)
    for index in range(5):
        row, column = divmod(index, 3)
        tile = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        assert (tile == index * 50).all()


def test_thumbnails_of_the_projector_are_whole_and_of_the_bands_asked_for():
    images = np.zeros((1, 8, 16, 3), np.uint8)
    images[:, :, 8:] = 200
    tile = np.asarray(PIL.Image.open(io.BytesIO(sprite(images))))
    assert tile.shape == (32, 32, 3)
    assert (tile[[0, 7, 24, 31]] == 255).all()  # white above and below
    assert (tile[8:24, :12] == 0).all()
    assert (tile[8:24, 20:] == 200).all()
    encoder = keras.Sequential([keras.Input((2, 2, 4)), keras.layers.Flatten()])
    bands = Split(ArrayImages(np.zeros((5, 2, 2, 4), np.uint8)))
    callback = EmbeddingProjector(Path(), encoder, bands, None, SPAN, every=10, shown_bands="4,3,1")
    np.testing.assert_array_equal(callback.bands.picture(np.arange(4)), [3, 2, 0])


def test_histograms_hold_every_trainable_weight(tmp_path):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")], name="net")
    network.layers[0].set_weights([np.full((2, 3), 0.5, np.float32), np.zeros(3, np.float32)])
    callback = Histograms(TensorBoardWriter(tmp_path), {"encoder": network}, SPAN, every=2)
    for batch in range(5):
        callback.on_train_batch_end(batch)
    callback.events._writer.flush()
    events = read(tmp_path)
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("weights/encoder/")]
    assert len(tags) == 2
    kernel = next(tag for tag in tags if tag.endswith("kernel"))
    assert [event.step for event in events.Tensors(kernel)] == [2, 4, 5]
    buckets = tf.make_ndarray(events.Tensors(kernel)[0].tensor_proto)
    assert buckets[:, 2].sum() == 6
    assert buckets[:, 0].min() <= 0.5 <= buckets[:, 1].max()


def test_the_profiler_records_the_steps_asked_for(tmp_path):
    callback = Profiler(tmp_path, 2, 3, SPAN)
    seen = []
    for batch in range(5):
        callback.on_train_batch_begin(batch)
        seen.append(callback._recording)
        tf.linalg.matmul(tf.ones([8, 8]), tf.ones([8, 8]))
        callback.on_train_batch_end(batch)
    assert seen == [False, True, True, False, False]
    assert list(tmp_path.rglob("*.xplane.pb"))


def test_the_profiler_records_the_executions_that_the_steps_are_in(tmp_path):
    callback = Profiler(tmp_path, 2, 3, SPAN)
    callback.set_model(SimpleNamespace(steps_per_execution=4))
    callback.on_train_batch_begin(0)
    assert callback._recording
    callback.on_train_batch_end(3)
    assert not callback._recording
    callback.on_train_batch_begin(4)
    assert not callback._recording


@pytest.mark.parametrize("steps", ["", "5", "0,3", "7,3", "a,b", "1,2,3"])
def test_profile_steps_that_are_no_range_are_refused(steps):
    with pytest.raises(ConfigError, match=r"--profile_steps=.*=10,20"):
        RunConfig(profile_steps=steps)
    assert RunConfig(profile_steps="10, 20").profiled_steps() == (10, 20)
