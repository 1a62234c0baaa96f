"""What a run is advised that waits for its images: by where they come from, and only what works as it is printed."""

import dataclasses
import re
import shlex
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from object_store import ADDRESS
from PIL import Image
from training_runs import schedule, settings, steps_logged

from aag_tf import flags
from aag_tf.config import AugmentConfig, DataConfig, LayoutConfig, PackConfig, ReadingConfig, TrainConfig
from aag_tf.data import open_source
from aag_tf.data.images import memory
from aag_tf.data.pack import source as pack_source
from aag_tf.data.sources.given import given_source
from aag_tf.packing.pack import pack
from aag_tf.training.callbacks import input_limit
from aag_tf.training.input_advice import Cores, InputOfRun, small_side
from aag_tf.training.train import train
from aag_tf.utils.progress import no_progress
from aag_tf.utils.stores import Store

BUSY, IDLE = Cores(3.9, 0.0, 4.0, 4), Cores(0.6, 0.2, 4.0, 4)
SIZE = (40, 60)  # of the pictures, more than twice the pixels of views of 16


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 0)
    monkeypatch.setattr(pack_source, "KEPT_IN_MEMORY", 0)
    for number in range(24):
        path = tmp_path / "my photos" / "ab"[number % 2] / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path


def source_of(dataset, crop_from="auto", data=None, **augment):
    config = data or DataConfig(dataset, image_size=16)
    source = open_source(config, crop_from)
    if source.layout is not None:
        layout = LayoutConfig(source.layout.splits, source.layout.labels)
        config = DataConfig(dataset, image_size=config.image_size, layout=layout, reading=config.reading)
    return InputOfRun(
        data=config,
        augment=AugmentConfig(**augment),
        images=source.train.images,
        total=24,
        on_gpu=False,
    )


def follow(advice):
    """Runs the commands of a line as they are printed, and returns the source that its flags then open."""
    commands, _, rest = advice.rpartition("`, then ")
    for command in re.findall(r"`(aag-pack [^`]+)", commands):
        with no_progress():
            pack(flags.parse(shlex.split(command), PackConfig, usage=""))
    words = shlex.split(rest.split(";", 1)[0])
    config = flags.parse(["aag-train", *words, "--image_size=16"], TrainConfig, usage="")
    return open_source(config.data, config.augment.crop_from)


def same_images(first, second):
    np.testing.assert_array_equal(
        first.train.images.numpy(np.arange(len(first.train))), second.train.images.numpy(np.arange(len(second.train)))
    )
    np.testing.assert_array_equal(first.train.labels, second.train.labels)
    return True


LOST = "; views then show at most the centered part of a picture, and small ones are less sharp"
LAYOUT = "--splits=none --labels=folders"


def test_files_that_views_are_cut_from():
    run = source_of("folder:my photos")
    assert run.images.has_sources
    small = (
        f"smaller pictures, with fewer details, in a new run: `aag-pack '--dataset=folder:my photos' {LAYOUT} "
        "--side=32 --output=packs/my-photos-32`, then --dataset=pack:packs/my-photos-32 --crop_from=source"
    )
    fewer = "fewer views, in a new run, which then learns from less: --aux=none"
    assert run.advice(BUSY) == [small, fewer, "a machine with more CPU cores than 4"]
    assert run.advice(IDLE) == [
        small,
        "more memory, from which the system reads again what was read before",
        "a local or a faster disk for the images",
    ]
    opened = follow(small)
    assert opened.train.images.has_sources
    assert opened.train.images.storage.side == 32
    assert len(opened.train) == len(open_source(run.data).train)


def test_files_that_would_fit_into_memory(monkeypatch):
    run = source_of("folder:my photos")
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 24 * 16 * 16 * 3)
    assert run.advice(BUSY)[1] == f"images kept in memory (0.0 MiB), in a new run: --crop_from=image{LOST}"
    assert open_source(run.data, "image").train.images.storage.kind == "memory"
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 24 * 16 * 16 * 3 - 1)
    assert "memory" not in run.advice(BUSY)[1]


def test_files_that_are_scaled_get_the_same_images_from_a_pack_of_pixels():
    run = source_of("folder:my photos", "image")
    pixels = (
        f"pixels, which need no decoding (0.0 MiB), in a new run: `aag-pack '--dataset=folder:my photos' {LAYOUT} "
        "--form=raw --image_size=16x16 --output=packs/my-photos-raw`, then --dataset=pack:packs/my-photos-raw"
    )
    assert run.advice(BUSY) == [pixels, "a machine with more CPU cores than 4"]
    assert run.advice(IDLE)[0].startswith("smaller files, in a new run: `aag-pack '--dataset=folder:my photos' ")
    opened = follow(pixels)
    assert opened.train.images.storage.pixels
    assert same_images(opened, open_source(run.data))
    again = run.advice(BUSY)[0]  # the directory is taken now
    assert "--output=packs/my-photos-raw-2`, then --dataset=pack:packs/my-photos-raw-2" in again


def test_settings_of_reading_are_given_to_the_pack():
    reading = ReadingConfig(channels=1, fit="pad")
    run = source_of("folder:my photos", data=DataConfig("folder:my photos", image_size=16, reading=reading))
    line = run.advice(BUSY)[0]
    assert f"{LAYOUT} --channels=1 --fit=pad --form=raw --image_size=16x16" in line
    assert same_images(follow(line), open_source(run.data))


def test_pages_of_files_cannot_be_packed():
    reading = ReadingConfig(pages="each")
    run = source_of("folder:my photos", "image", DataConfig("folder:my photos", image_size=16, reading=reading))
    assert run.advice(BUSY) == ["a machine with more CPU cores than 4"]


def test_joined_folders_are_packed_together():
    run = source_of("folder:my photos/a,folder:my photos/b", "image")
    line = run.advice(BUSY)[0]
    assert len(re.findall("aag-pack", line)) == 1
    assert same_images(follow(line), open_source(run.data))


@pytest.fixture
def packed(here):
    with no_progress():
        pack(PackConfig(output="packs/mine", data=DataConfig("folder:my photos")))
    return "pack:packs/mine"


def test_a_pack_of_originals_a_pack_of_small_ones_and_a_pack_of_pixels(packed):
    run = source_of(packed)
    small = run.advice(BUSY)[0]
    assert small.endswith(
        "`aag-pack --dataset=pack:packs/mine --side=32 --output=packs/mine-32`, then --dataset=pack:packs/mine-32 "
        "--crop_from=source"
    )
    follow(small)
    run = source_of("pack:packs/mine-32", "source")
    pixels, fewer, cores = run.advice(BUSY)
    assert pixels.endswith(
        "`aag-pack --dataset=pack:packs/mine-32 --form=raw --image_size=16x16 --output=packs/mine-32-raw`, then "
        f"--dataset=pack:packs/mine-32-raw{LOST}"
    )
    assert fewer.endswith("--aux=none")
    disk = ["more memory, from which the system reads again what was read before"]
    disk += ["a local or a faster disk for the images"]
    assert run.advice(IDLE) == disk
    same_images(follow(pixels), open_source(run.data))
    run = source_of("pack:packs/mine-32-raw")
    assert run.images.storage.pixels
    assert run.advice(BUSY) == [cores]
    assert run.advice(IDLE) == disk


def test_joined_packs_are_packed_one_by_one(packed):
    data = DataConfig(f"{packed},digits", image_size=16, reading=ReadingConfig(channels=1))
    run = source_of(data.dataset, data=data)
    line = run.advice(BUSY)[0]
    assert line.endswith("--output=packs/mine-raw`, then --dataset=pack:packs/mine-raw,digits")
    assert same_images(follow(line), open_source(run.data))


def test_copies_from_a_store_lie_in_the_cache(s3, here):
    for path in sorted((here / "my photos").rglob("*.jpg")):
        Store(ADDRESS).upload(path, f"photos/{path.relative_to(here / 'my photos')}")
    run = source_of(f"folder:{ADDRESS}/photos")
    small, _, disk = run.advice(IDLE)
    assert disk == f"a faster disk for the copies from the store: they lie in {here / 'cache'} (AAG_CACHE_DIR)"
    assert follow(small).train.images.has_sources


def test_images_in_memory_need_cores_or_a_gpu_that_draws_views():
    run = source_of("digits")
    assert run.advice(BUSY) == run.advice(IDLE) == ["a machine with more CPU cores than 4"]
    run = source_of("digits", augment_on="host", aux_views=3)
    fewer = "fewer views, in a new run, which then learns from less: --aux_views=1"
    assert run.advice(BUSY) == [fewer, "a machine with more CPU cores than 4"]
    on_gpu = InputOfRun(data=run.data, augment=run.augment, images=run.images, total=24, on_gpu=True)
    assert on_gpu.advice(IDLE) == ["views drawn on the GPU: stop the run, and go on with --resume --augment_on=device"]


def test_images_that_python_passes(here, monkeypatch):
    array = np.zeros((24, 16, 16, 3), np.uint8)
    np.save(here / "images.npy", array)

    def run(images):
        images = given_source(images, None, DataConfig(image_size=16)).train.images
        return InputOfRun(data=DataConfig("own"), augment=AugmentConfig(), images=images, total=24, on_gpu=False)

    mapped, elements = run(np.load(here / "images.npy", mmap_mode="r")), run(list(array))
    disk = ["more memory, from which the system reads again what was read before"]
    disk += ["a local or a faster disk for the images"]
    packs = "a tf.data.Dataset of the same elements, which train(images=...) packs once before its first step"
    assert mapped.advice(IDLE) == disk
    assert elements.advice(IDLE) == [packs]
    assert run(array).advice(IDLE) == ["a machine with more CPU cores than 4"]
    monkeypatch.setattr(memory, "MEMORY_LIMIT", array.nbytes)
    assert mapped.advice(IDLE) == ["the array read into memory (0.0 MiB): train(images=np.array(images))", *disk]
    assert elements.advice(IDLE) == ["all images in one uint8 array (0.0 MiB), passed to train(images=...)", packs]


@pytest.mark.parametrize(
    ("cores", "dataset", "cause", "advice"),
    [
        (Cores(3.4, 0.3, 4.0, 4), "folder:my photos", "which is all of them", "a machine with more CPU cores than 4"),
        (
            Cores(1.9, 0.0, 2.0, 16),
            "folder:my photos",
            "which is all of them",
            "more CPU cores: this process may use 2 of the 16 of this machine",
        ),
        (
            Cores(0.5, 3.3, 4.0, 4),
            "folder:my photos",
            "since other processes kept 3.3 busy",
            "the cores that other processes use",
        ),
        (IDLE, "folder:my photos", "so that the cores wait for what the images are read from", None),
        (IDLE, "digits", "although the images are in memory", "a machine with more CPU cores than 4"),
    ],
)
def test_the_cause_is_told_from_the_cores(cores, dataset, cause, advice):
    run = source_of(dataset)
    assert run.cause(cores) == cause
    if advice is not None:
        assert run.advice(cores)[-1] == advice


def test_a_pack_of_256_is_for_224():
    assert [small_side((side, side, 3)) for side in (8, 64, 224, 384)] == [16, 80, 256, 448]
    assert small_side((64, 320, 3)) == 80


class Slow:
    """A data source that takes its time once the run has begun."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.begun = False

    def __len__(self):
        return 300

    def __getitem__(self, number):
        time.sleep(self.seconds if self.begun else 0.0)
        return np.full((8, 8, 1), number % 256, np.uint8)


class Begin(keras.callbacks.Callback):
    def __init__(self, source):
        super().__init__()
        self.source = source

    def on_train_begin(self, logs=None):
        self.source.begun = True


@pytest.mark.parametrize(("seconds", "times"), [(0.03, 1), (0.0, 0)])
def test_a_run_says_it_once_if_its_source_is_slow(tmp_path, monkeypatch, caplog, seconds, times):
    monkeypatch.setattr(input_limit, "WARM_UP_SECONDS", 0.2)
    monkeypatch.setattr(input_limit, "WINDOW_SECONDS", 0.5)
    monkeypatch.setattr(input_limit, "usable_cores", lambda: 1000.0)  # whatever else the machine is doing
    monkeypatch.setattr(input_limit, "os", SimpleNamespace(cpu_count=lambda: 1000))
    config = settings(tmp_path / "run", log_every_steps=5)
    config = dataclasses.replace(config, schedule=schedule(train_steps=80, global_batch_size=8))
    source = Slow(seconds)
    with no_progress():
        train(config, images=source, callbacks=[Begin(source)])
    assert caplog.text.count("input is the limit: until step ") == times
    said = (
        "of 1000 CPU cores were busy with it, since Python reads the images, one core at a time. What helps:\n- a tf."
    )
    assert caplog.text.count(said) == times
    shares = [record["data_wait_share"] for record in steps_logged(tmp_path / "run")[-4:]]
    assert (np.mean(shares) > 0.3) == bool(times)
