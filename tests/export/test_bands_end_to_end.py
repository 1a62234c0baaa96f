"""Five bands, and 12 bits in wide pictures, from files to a search: everywhere the pixels that training reads.

Real photographs (`real_bands`), the smallest encoder, a few steps.
"""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from real_bands import BANDS, EACH, REGIONS, SIDE, save_bands, save_twelve_bits
from small_runs import make_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import schedule, settings

from aag_tf.config import (
    DataConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    ProtocolConfig,
    ReadingConfig,
    SearchConfig,
)
from aag_tf.data import open_source
from aag_tf.data.files import pictures
from aag_tf.evaluation import evaluate
from aag_tf.export import export, load_saved_model
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.search import search
from aag_tf.report import write_report
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import DataError, ExportError
from aag_tf.utils.progress import no_progress

WIDE = (24, 48)
SHOWN = "pictures show bands 4, 3 and 2 of 5 as red, green and blue (--shown_bands)"


def agree(found, expected):
    """Asserts that embeddings are equal to float32 rounding."""
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def embedded_files(output):
    """Embeddings of a collection by path."""
    collection = open_collection(str(output))
    return dict(zip(collection.paths(), np.concatenate(list(collection.vectors())), strict=True))


def read_all(files, run):
    """Every file as training's reader gives it: paths, and uint8 [n, *image_shape]."""
    paths = sorted(path.relative_to(files).as_posix() for path in files.rglob("*.*"))
    record = run.record
    return paths, np.stack([pictures.decode(str(files / path), record.image_shape, record.reading) for path in paths])


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    """A run on five-band TIFF files, trained for a few steps, with its evaluation, export and embedded files."""
    folder = tmp_path_factory.mktemp("bands")
    files, archive = save_bands(folder)
    config = dataclasses.replace(
        settings(folder / "run", projector_images=20),
        data=DataConfig(dataset=f"folder:{files}", reading=ReadingConfig(shown_bands="4,3,2")),
        schedule=schedule(train_steps=3, global_batch_size=16),
    )
    with no_progress():
        train(config)
        protocol = ProtocolConfig(measures="knn,robustness", knn_k=5, baselines="raw_pixels")
        evaluation = evaluate(EvaluateConfig(run_dir=str(folder / "run"), protocol=protocol))
        report = export(ExportConfig(run_dir=str(folder / "run"), export_dir=str(folder / "served")))
        embed(EmbedConfig(str(folder / "served"), str(files), str(folder / "embedded")))
    run = load_run(str(folder / "run"))
    return SimpleNamespace(folder=folder, files=files, archive=archive, run=run, evaluation=evaluation, report=report)


def test_files_and_archive_of_five_bands_are_the_same_images(bands):
    paths, pixels = read_all(bands.files, bands.run)
    assert pixels.shape == (len(REGIONS) * EACH, SIDE, SIDE, BANDS)
    with np.load(bands.archive) as archive:
        numbers = [sorted(REGIONS).index(path.split("/")[0]) for path in paths]
        order = np.argsort(archive["labels"], kind="stable")
        np.testing.assert_array_equal(pixels, archive["images"][order])
        assert numbers == archive["labels"][order].tolist()
    source = open_source(DataConfig(dataset=f"npz:{bands.archive}", validation_fraction=0.0))
    known = {image.tobytes() for image in pixels}
    everything = [source.train, source.test]
    assert {image.tobytes() for part in everything for image in part.images.numpy(range(len(part)))} == known


def test_training_shows_three_chosen_bands(bands):
    (events,) = (bands.folder / "run").glob("events*")
    accumulator = EventAccumulator(str(events), size_guidance={"tensors": 0}).Reload()
    assert accumulator.SummaryMetadata("views").summary_description.endswith(SHOWN)
    summary = tf.make_ndarray(accumulator.Tensors("views")[0].tensor_proto)
    sheet = tf.io.decode_png(summary[2]).numpy()
    first = open_source(bands.run.record.config.data).train.images.numpy([0])[0]
    assert sheet.shape[2] == 3
    assert _holds(sheet, first[..., [3, 2, 1]])
    assert (bands.folder / "run" / "projector" / "thumbnails.png").is_file()


def _holds(sheet, picture):
    """Whether a picture, magnified by whole pixels, is somewhere on a sheet."""
    times = -(-96 // picture.shape[1])
    large = picture.repeat(times, axis=0).repeat(times, axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet, large.shape)[:, :, 0]
    corner = np.argwhere((sheet[: windows.shape[0], : windows.shape[1]] == large[0, 0]).all(-1))
    return any(np.array_equal(windows[y, x], large) for y, x in corner)


def test_evaluation_and_report_are_of_five_bands(bands):
    data = bands.evaluation.data
    assert (data["image_shape"], data["shown_bands"]) == ([SIDE, SIDE, BANDS], "4,3,2")
    assert bands.evaluation.main_result.measure("robustness_jpeg") is not None
    write_report(bands.evaluation, bands.folder / "report.html")
    assert f"P{SHOWN[1:]}." in (bands.folder / "report.html").read_text()
    # What was measured are the embeddings of the pixels that training's reader gives.
    features = bands.evaluation.feature_set.queries
    agree(features.features, bands.run.encoder(features.images.numpy(range(len(features.features)))).numpy())


def test_images_of_other_channels_are_refused_where_five_are_taken(bands):
    config = EvaluateConfig(run_dir=str(bands.folder / "run"), dataset="digits")
    with pytest.raises(DataError, match=r"digits has images of 1 channels and the encoder takes 5; .* with --dataset"):
        evaluate(config)


def test_the_export_has_no_way_for_files_that_hold_no_five_bands_and_says_so(bands):
    assert list(bands.report.metadata.signatures) == ["serving_default", "embed_images"]
    assert "left out   embed_bytes: JPEG, PNG, GIF and WebP files hold 1 or 3 channels, and the run's images 5" in str(
        bands.report
    )
    assert bands.report.verification.max_difference <= bands.report.verification.tolerance
    with pytest.raises(ExportError, match="--signatures=embed_bytes: JPEG"):
        export(
            ExportConfig(
                run_dir=str(bands.folder / "run"),
                export_dir=str(bands.folder / "other"),
                signatures="serving_default,embed_bytes",
            )
        )
    assert not (bands.folder / "other").exists()


def test_five_bands_have_one_embedding_from_training_export_and_bulk(bands):
    paths, pixels = read_all(bands.files, bands.run)
    expected = bands.run.encoder(pixels, training=False).numpy()
    model = load_saved_model(bands.folder / "served")
    agree(model(tf.constant(pixels)).numpy(), expected)
    agree(model.loaded.signatures["embed_images"](images=tf.constant(pixels))["embedding"], expected)
    collected = embedded_files(bands.folder / "embedded")
    agree(np.stack([collected[path] for path in paths]), expected)


def test_a_search_reads_five_bands_as_training_did(bands):
    query = bands.files / "sky" / "03.tif"
    gallery = bands.folder / "found.html"
    config = SearchConfig(str(bands.folder / "embedded"), query=str(query), top_k=5, gallery=str(gallery))
    report = search(config)
    assert report.left_out == "sky/03.tif"
    assert len(report.found) == 5
    page = gallery.read_text()
    assert page.count("data:image/png;base64,") == 6
    assert SHOWN in page


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A run on wide 12-bit PNG files, whole with `--fit=pad`, with random weights; its evaluation, export and files."""
    folder = tmp_path_factory.mktemp("deep")
    files = save_twelve_bits(folder, WIDE)
    make_run(
        folder / "run",
        f"folder:{files}",
        image_size="x".join(map(str, WIDE)),
        reading=ReadingConfig(value_range="0..4095", fit="pad"),
    )
    with no_progress():
        protocol = ProtocolConfig(measures="knn", knn_k=5, baselines="none")
        evaluation = evaluate(EvaluateConfig(run_dir=str(folder / "run"), protocol=protocol))
        report = export(ExportConfig(run_dir=str(folder / "run"), export_dir=str(folder / "served")))
        embed(EmbedConfig(str(folder / "served"), str(files), str(folder / "embedded")))
    run = load_run(str(folder / "run"))
    return SimpleNamespace(folder=folder, files=files, run=run, evaluation=evaluation, report=report)


def test_twelve_bits_keep_their_levels_and_wide_pictures_their_shape(deep):
    paths, pixels = read_all(deep.files, deep.run)
    assert pixels.shape[1:] == (*WIDE, 1)
    assert deep.run.record.reading.value_range == (0.0, 4095.0)
    assert len(np.unique(pixels)) >= 200
    narrow = pixels[[path.endswith(("00.png", "05.png", "10.png")) for path in paths]]
    assert not narrow[:, :, : WIDE[1] // 4].any()  # black on both sides of half a picture
    assert not narrow[:, :, -(WIDE[1] // 4) :].any()
    assert narrow[:, :, WIDE[1] // 4 : -(WIDE[1] // 4)].mean() > 10


def test_twelve_bits_have_one_embedding_from_training_evaluation_export_and_bulk(deep):
    paths, pixels = read_all(deep.files, deep.run)
    expected = deep.run.encoder(pixels, training=False).numpy()
    signatures = load_saved_model(deep.folder / "served").loaded.signatures
    assert list(deep.report.metadata.signatures) == ["serving_default", "embed_bytes", "embed_images", "embed_values"]

    files = [(deep.files / path).read_bytes() for path in paths]
    answer = signatures["embed_bytes"](contents=tf.constant(files))
    assert answer["valid"].numpy().all()
    agree(answer["embedding"], expected)

    values = [tf.cast(tf.io.decode_png(content, dtype=tf.uint16), tf.float32) for content in files]
    for width in (WIDE[1], WIDE[1] // 2):  # a request holds images of one size
        rows = [row for row, value in enumerate(values) if value.shape[1] == width]
        agree(signatures["embed_values"](values=tf.stack([values[row] for row in rows]))["embedding"], expected[rows])

    collected = embedded_files(deep.folder / "embedded")
    agree(np.stack([collected[path] for path in paths]), expected)

    known = {image.tobytes(): vector for image, vector in zip(pixels, expected, strict=True)}
    queries = deep.evaluation.feature_set.queries
    seen = queries.images.numpy(range(len(queries.features)))
    agree(queries.features, np.stack([known[image.tobytes()] for image in seen]))


def test_the_model_says_how_its_values_are_read(deep):
    content = json.loads((deep.report.path / "model.json").read_text())
    assert content["signatures"]["embed_values"]["inputs"]["values"] == {
        "dtype": "float32",
        "shape": [None, None, None, 1],
        "range": [0.0, 4095.0],
        "max_pixels": 2**25,
    }
    card = (deep.report.path / "model_card.md").read_text()
    assert "Pictures of another shape are kept whole, with black beside them." in card
    assert "The data's values from 0 to 4095 become the 256 levels of a pixel" in card
    assert "`embed_values` takes them as they are, and `embed_bytes` 16-bit PNG files that hold them." in card


def test_a_search_reads_twelve_bits_as_training_did(deep):
    query = deep.files / "petals" / "05.png"  # a narrow one
    report = search(SearchConfig(str(deep.folder / "embedded"), query=str(query), top_k=3, gallery=""))
    assert report.left_out == "petals/05.png"
