"""The whole way on an object store, by the commands as users give them, killed and resumed."""

import io
import json
import os
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from command_runs import ended, shallow_tiny
from object_store import killed_at_upload, names
from PIL import Image
from processes import Process, aag_train

from aag_tf.runs.run import load_run
from aag_tf.utils import stores
from aag_tf.utils.stores import Store
from aag_tf.utils.stores.claims import CLAIM_FILE

pytestmark = pytest.mark.usefixtures("shallow")

RUN = "s3://bucket/runs/a"
MODELS = "s3://bucket/models/m"
EMBEDDED = "s3://bucket/embedded/a"
IMAGES = "s3://bucket/images [1]"
STEPS = 6
PICTURES = [f"{folder}/{number:02d}.png" for folder in "ab" for number in range(20)]
TRAIN = (
    *("--encoder=tiny", "--width=0.125", "--projector_width=8", "--projector_dim=4", f"--train_steps={STEPS}"),
    *("--global_batch_size=8", "--projector_images=0", "--jit_compile=off", "--noflip", "--aux=none"),
    *("--checkpoint_every_steps=2", "--log_every_steps=1", "--precision=float32", "--knn_every_epochs=0"),
    f"--dataset=folder:{IMAGES}",
)


def put_pictures():
    """Puts two classes of small pictures on the store, and a file that is none."""
    random = np.random.default_rng(0)
    for name in PICTURES:
        levels = random.integers(0, 255 if name.startswith("a") else 90, (8, 8), np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(levels).save(encoded, "PNG")
        Store(IMAGES).write(name, encoded.getvalue())
    Store(IMAGES).write("a/notes.txt", b"no picture")


def killed(function, name, *flags, log, environment):
    """Runs a command that is killed when it is to upload an object of this name."""
    process = Process(function, name, *flags, log=log, environment=environment)
    assert process.finish() == -9, process.messages


def train_until_upload(name, *flags):
    shallow_tiny(pytest.MonkeyPatch())
    killed_at_upload(name)
    aag_train(*flags)


def embed_until_upload(name, *flags):
    import sys

    from aag_tf.commands import embed

    killed_at_upload(name)
    sys.argv = ["aag-embed", *flags]
    embed.run()


def weights(run):
    return [weight.numpy() for weight in load_run(run).encoder.weights]


@pytest.fixture
def command(capsys, monkeypatch):
    def run(*argv, code=0):
        ended_with, said = ended(capsys, monkeypatch, *argv)
        assert ended_with == code, said
        return said

    return run


def test_the_whole_way(s3, tmp_path, command, monkeypatch):
    put_pictures()
    # Killed when the checkpoint of step 4 is there but for its manifest.
    name = "checkpoints/step-4/manifest.json"
    killed(train_until_upload, name, *TRAIN, f"--run_dir={RUN}", log=tmp_path / "log", environment=s3)
    assert name not in names(RUN)
    assert {"checkpoints/step-2/manifest.json", "checkpoints/step-4/state.index"} <= set(names(RUN))

    monkeypatch.setenv("AAG_CACHE_DIR", str(tmp_path / "another machine"))
    said = command("aag-train", f"--flagfile={RUN}/flags.txt", "--resume")
    assert "from step 2 on" in said
    assert f"Trained for {STEPS} steps; the run is in {RUN}.\nEvaluate it with: aag-evaluate --run_dir={RUN}\n" in said
    assert "damaged" not in said
    command("aag-train", *TRAIN, f"--run_dir={tmp_path / 'whole'}")
    for resumed, whole in zip(weights(RUN), weights(tmp_path / "whole"), strict=True):
        np.testing.assert_array_equal(resumed, whole)
    metrics = [json.loads(line)["step"] for line in Store(RUN).read("metrics.jsonl").splitlines()]
    assert metrics == list(range(1, STEPS + 1))
    assert not list((tmp_path / "another machine" / "runs").iterdir())
    assert len([name for name in names(RUN) if name.startswith("events.out.tfevents")]) == 2

    said = command("aag-evaluate", f"--run_dir={RUN}", "--measures=knn")
    assert f"Every metric and setting: {RUN}/evaluation.json\nIn pictures: {RUN}/report.html" in said
    assert json.loads(Store(RUN).read("evaluation.json"))["subject"]["run_dir"] == RUN
    assert Store(RUN).read("report.html").startswith(b"<!DOCTYPE html>")

    said = command("aag-export", f"--run_dir={RUN}", f"--export_dir={MODELS}", "--signatures=serving_default")
    assert said.startswith(f"Exported {RUN}, step {STEPS}, to {MODELS}/1\n")
    assert {"1/saved_model.pb", "1/model.json", "1/variables/variables.index"} <= set(names(MODELS))
    said = command("aag-export", f"--run_dir={RUN}", f"--export_dir={MODELS}", "--version=1", code=1)
    assert said == (
        f"aag-export: {MODELS}/1 exists; leave --version out to take the next free number, or add --overwrite to "
        "replace it.\n"
    )

    embed = [
        f"--saved_model={MODELS}",
        f"--input={IMAGES}",
        f"--output={EMBEDDED}",
        "--shard_size=10",
        "--batch_size=5",
    ]
    name = "parquet/part-00002-of-00004.parquet"
    killed(embed_until_upload, name, *embed, log=tmp_path / "log", environment=s3)
    assert "parquet/part-00001-of-00004.parquet" in names(EMBEDDED)
    assert name not in names(EMBEDDED)
    said = command("aag-embed", *embed, "--resume")
    assert said.startswith(f"Embedded 40 of 40 images; the rows are in {EMBEDDED}.\nThis run: 20 images in ")
    rows = pq.read_table(stores.fetched(f"{EMBEDDED}/parquet"))
    assert rows.column("path").to_pylist() == PICTURES
    local = stores.fetched(IMAGES)
    command("aag-embed", f"--saved_model={MODELS}", f"--input={local}", f"--output={tmp_path / 'local'}")
    (alone,) = (tmp_path / "local" / "parquet").iterdir()
    assert pq.read_table(alone).select(["path", "ok", "error"]).equals(rows.select(["path", "ok", "error"]))
    vectors = [np.array(table.column("embedding").to_pylist()) for table in (rows, pq.read_table(alone))]
    np.testing.assert_allclose(*vectors, rtol=1e-5, atol=1e-6)

    search = [f"--embeddings={EMBEDDED}", f"--query={IMAGES}/a/03.png", "--gallery=s3://bucket/gallery.html"]
    said = command("aag-search", *search, "--top_k=2")
    assert "Left out, since it is the query itself: a/03.png" in said
    assert len(re.findall(r"^ +\S+ +\d+  [ab]/\d\d\.png$", said, re.MULTILINE)) == 2
    assert Store("s3://bucket").read("gallery.html").count(b"data:image/png") == 3

    assert CLAIM_FILE not in {os.path.basename(name) for name in names("s3://bucket")}


def test_what_is_wrong_is_one_sentence_before_any_work(s3, tmp_path, command):
    nowhere = "s3://nowhere/x: there is no such bucket; create it, or mend its name.\n"
    empty = "s3://bucket/none does not exist, or holds nothing; mend the address.\n"
    assert command("aag-train", "--run_dir=s3://nowhere/x", code=1) == f"aag-train: {nowhere}"
    assert (
        command("aag-train", "--dataset=folder:s3://bucket/none", f"--run_dir={RUN}", code=1) == f"aag-train: {empty}"
    )
    assert command("aag-train", f"--run_dir={RUN}", "--resume", code=1) == (
        f"aag-train: --run_dir={RUN} holds no run to resume; leave --resume out to start one.\n"
    )
    assert command("aag-evaluate", "--run_dir=s3://bucket/none", code=1) == f"aag-evaluate: {empty}"
    assert command("aag-export", "--run_dir=s3://bucket/none", "--export_dir=s3://nowhere/x", code=1) == (
        f"aag-export: {nowhere}"
    )
    assert command("aag-search", "--embeddings=s3://bucket/none", "--like=0", code=1) == (
        "aag-search: s3://bucket/none was not written by aag-embed (it has no manifest.json); name a directory that it "
        "wrote.\n"
    )
    assert command(
        "aag-embed", "--saved_model=s3://bucket/none", f"--input={IMAGES}", f"--output={EMBEDDED}", code=1
    ).startswith("aag-embed: s3://bucket/none holds no SavedModel (no saved_model.pb in it")
    said = command("aag-train", "--dataset=tfds:mnist", "--data_dir=s3://bucket/none", f"--run_dir={RUN}", code=1)
    assert said == (
        "aag-train: tfds:mnist is not in s3://bucket/none; prepare it on this machine (`tfds build mnist`), copy its "
        "folder there, or name another --data_dir.\n"
    )
    assert names("s3://bucket") == []
    assert list(tmp_path.rglob("*.json")) == []
