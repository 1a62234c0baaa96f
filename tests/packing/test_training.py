"""Training, evaluation, export and embedding from a pack are those from the folder that was packed."""

import ctypes
import dataclasses
import io
import resource
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from processes import Process
from training_runs import StopAfter, metrics, schedule, settings, weights

from aag_tf.config import AugmentConfig, DataConfig, EmbedConfig, EvaluateConfig, ExportConfig, ProtocolConfig
from aag_tf.evaluation import evaluate
from aag_tf.export import export
from aag_tf.export.embedding import embed
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.training.train import train
from aag_tf.utils.progress import no_progress

from .conftest import BROKEN, make_folder, pack_to


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The same run from a folder and from its pack, an export, and all their data."""
    root = tmp_path_factory.mktemp("trained")
    make_folder(root / "folder")
    pack_to(root / "pack", f"folder:{root / 'folder'}", shard_size=7)
    pack_to(root / "raw", f"folder:{root / 'folder'}", form="raw")
    for kind in ("folder", "pack"):
        usual, steps = settings(root / f"run_{kind}"), schedule(train_steps=2, global_batch_size=8)
        with no_progress():
            data, augment = DataConfig(f"{kind}:{root / kind}"), AugmentConfig(aux="none")
            train(dataclasses.replace(usual, data=data, augment=augment, schedule=steps))
    with no_progress():
        served = {"signatures": "serving_default", "verify": False}
        export(ExportConfig(run_dir=str(root / "run_folder"), export_dir=str(root / "export"), **served))
    return root


def test_a_run_from_a_pack_is_the_run_from_its_folder(trained):
    one, other = (RunDirectory(trained / f"run_{kind}").read_record() for kind in ("folder", "pack"))
    assert one.fingerprint == other.fingerprint
    assert (one.image_shape, one.class_names, one.reading) == (other.image_shape, other.class_names, other.reading)
    # Two runs from the same folder differ by the rounding of threads.
    assert metrics(trained / "run_pack")[0] == pytest.approx(metrics(trained / "run_folder")[0], rel=1e-4)
    for own, wanted in zip(weights(trained / "run_pack"), weights(trained / "run_folder"), strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-3, atol=1e-5)


def test_a_run_on_joined_packs_takes_all_of_them_and_goes_on(trained, tmp_path):
    both = DataConfig(f"pack:{trained / 'pack'},pack:{trained / 'pack'}")
    with no_progress():
        for steps, resume in ((1, False), (2, True)):
            usual = settings(tmp_path / "run", resume=resume)
            steps_of_run, augment = schedule(train_steps=2, global_batch_size=8), AugmentConfig(aux="none")
            config = dataclasses.replace(usual, data=both, augment=augment, schedule=steps_of_run)
            train(config, callbacks=[StopAfter(1)] if steps == 1 else [])
    record = RunDirectory(tmp_path / "run").read_record()
    assert record.num_train_images == 2 * RunDirectory(trained / "run_pack").read_record().num_train_images
    assert [each["step"] for each in metrics(tmp_path / "run")][-1] == 2


def test_an_evaluation_from_a_pack_is_that_from_its_folder(trained):
    found = []
    for dataset in (None, f"pack:{trained / 'pack'}", f"pack:{trained / 'raw'}"):
        protocol = ProtocolConfig(measures="knn")
        config = EvaluateConfig(run_dir=str(trained / "run_folder"), dataset=dataset, protocol=protocol)
        results = evaluate(config).results
        found.append([(measure.name, measure.value) for result in results for measure in result.measures])
    assert found[0] == found[1] == found[2]


def test_a_run_goes_on_where_its_pack_was_moved(trained, tmp_path):
    record = RunDirectory(trained / "run_pack").read_record()
    run = dataclasses.replace(record.config.run, resume=True)
    shutil.copytree(trained / "pack", tmp_path / "moved")
    moved = dataclasses.replace(record.config.data, dataset=f"pack:{tmp_path / 'moved'}")
    assert train(dataclasses.replace(record.config, data=moved, run=run)).complete


def test_embeddings_of_a_pack_are_those_of_its_folder(trained, tmp_path):
    rows = {}
    for name in ("folder", "pack", "raw"):
        output = tmp_path / name
        with no_progress():
            embed(EmbedConfig(saved_model=str(trained / "export"), input=str(trained / name), output=str(output)))
        paths = (output / "paths.txt").read_text().splitlines()
        rows[name] = dict(zip(paths, np.load(output / "embeddings.npy"), strict=True))
    broken = {path for path, row in rows["folder"].items() if np.isnan(row).any()}
    assert broken == set(BROKEN)
    for name in ("pack", "raw"):
        assert set(rows[name]) == set(rows["folder"]) - broken
        for path, row in rows[name].items():
            np.testing.assert_allclose(row, rows["folder"][path], rtol=1e-5, atol=1e-6)


def memory_of_reading(directory, log):
    """Reads a pack over and over, and writes the growth of the process in MiB."""
    import psutil

    from aag_tf.data.pack import source

    source.KEPT_IN_MEMORY = 0
    images = source.read_pack(str(directory), DataConfig(f"pack:{directory}")).train.images
    images.numpy(np.arange(8))
    before = psutil.Process().memory_info().rss
    rng = np.random.default_rng(0)
    for _ in range(100):
        images.numpy(rng.integers(0, len(images), 8))
    log.write_text(str((psutil.Process().memory_info().rss - before) / 2**20))


def memory_of_packing(directory, dataset, log):
    """Packs four times as much the second time, and writes how much more memory that took at most, in MiB."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 2**14)  # M_MMAP_THRESHOLD: what is freed leaves the process, so that its size shows what is in use
    peaks = []
    for name in ("small", "large"):
        pack_to(directory / f"of_{name}", dataset.format(directory / name), shard_size=200, read_threads=2)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    log.write_text(str((peaks[1] - peaks[0]) / 2**10))


def test_packing_takes_no_memory_that_grows_with_the_data_set(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("small", 600), ("large", 2400)):
        pixels = rng.integers(0, 256, (count, 128, 128, 3), np.uint8)
        files = [io.BytesIO() for _ in range(count)]
        for file, each in zip(files, pixels, strict=True):
            Image.fromarray(each).save(file, "PNG", compress_level=0)
        table = pa.table({"image": [file.getvalue() for file in files]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=50, compression="none")
    process = Process(memory_of_packing, tmp_path, "parquet:{}.parquet", tmp_path / "grown", log=tmp_path / "log")
    assert process.finish() == 0, process.messages
    assert float((tmp_path / "grown").read_text()) < 56  # half of what is packed; the rest is the allocator's


def test_packing_a_compressed_archive_takes_no_memory_that_grows_with_it(tmp_path):
    for name, count in (("small", 600), ("large", 2400)):
        images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 128, 128, 3))
        np.savez_compressed(tmp_path / f"{name}.npz", images=images)
    process = Process(memory_of_packing, tmp_path, "npz:{}.npz", tmp_path / "grown", log=tmp_path / "log")
    assert process.finish() == 0, process.messages
    assert float((tmp_path / "grown").read_text()) < 42  # half of what is more; more images take no more


def test_reading_takes_no_memory_that_grows_with_the_pack(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.random.default_rng(0).integers(0, 256, (600, 128, 128, 3), np.uint8))
    pack_to(tmp_path / "out", f"npz:{tmp_path / 'x.npz'}", shard_size=50)
    process = Process(memory_of_reading, tmp_path / "out", tmp_path / "grown", log=tmp_path / "log")
    assert process.finish() == 0, process.messages
    assert float((tmp_path / "grown").read_text()) < 12  # of 28 MiB of images, and 37 MiB that were read
