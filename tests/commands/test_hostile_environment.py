"""Every command that uses TensorFlow works, and computes the same, whatever the user has set for Keras elsewhere."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from aag_tf import flags, training
from aag_tf.config import TrainConfig

# Runs commands one after the other as their console scripts do, since most of the time is the import of TensorFlow.
SEVERAL = """
import sys
from importlib import import_module
for line in sys.argv[1:]:
    name, *arguments = line.split()
    sys.argv = ["aag-" + name, *arguments]
    try:
        import_module("aag_tf.commands." + name).run()
    except SystemExit as end:
        print(sys.argv[0], "ended with", end.code)
"""
FLAGS = (
    "--dataset=digits --encoder=tiny --width=0.125 --projector_depth=1 --projector_width=8 --projector_dim=4 --aux=none"
    " --train_steps=2 --log_every_steps=1 --knn_every_epochs=0 --projector_images=0 --jit_compile=off"
    " --precision=float32"
)


def commands(*lines, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")} | variables
    return subprocess.run(
        [sys.executable, "-c", SEVERAL, *lines], capture_output=True, text=True, env=environment, check=True
    )


def losses(run_dir):
    return [json.loads(line)["loss"] for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_commands_work_whatever_is_set_for_keras(tmp_path):
    (tmp_path / "keras.json").write_text(
        json.dumps({"backend": "torch", "image_data_format": "channels_first", "floatx": "float16"})
    )
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8), color=len(name)).save(tmp_path / "pictures" / name)
    run, served, rows = tmp_path / "run", tmp_path / "served", tmp_path / "rows"
    done = commands(
        f"augment --images=2 --augment_impl=keras_cv --aux=cutout --strengths=1 --out={tmp_path}/views.png",
        f"train {FLAGS} --run_dir={run}",
        f"evaluate --run_dir={run} --measures=knn --baselines=untrained --noreport",
        f"export --run_dir={run} --export_dir={served} --signatures=serving_default --noverify",
        f"embed --saved_model={served} --input={tmp_path}/pictures --output={rows}",
        f"search --embeddings={rows} --like=1 --gallery=",
        KERAS_BACKEND="jax",
        KERAS_HOME=str(tmp_path),
        TF_USE_LEGACY_KERAS="1",
    )
    ended = [line for line in done.stdout.splitlines() if " ended with " in line]
    names = ("augment", "train", "evaluate", "export", "embed", "search")
    assert ended == [f"aag-{name} ended with 0" for name in names], done.stderr
    assert done.stderr.count("KERAS_BACKEND=jax is replaced by tensorflow here, since aag_tf needs TensorFlow.\n") == 1
    assert done.stderr.count("TF_USE_LEGACY_KERAS=1 is set to 0 here, since aag_tf needs Keras 3.\n") == 1
    config = flags.parse(["aag-train", *FLAGS.split(), f"--run_dir={tmp_path}/plain"], TrainConfig, usage="")
    training.train(config)
    assert losses(run) == pytest.approx(losses(tmp_path / "plain"), rel=1e-5)


def test_a_configuration_that_keras_refuses_is_one_sentence(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float8"}))
    done = commands(f"train {FLAGS} --run_dir={tmp_path}/run", KERAS_HOME=str(tmp_path))
    assert done.stdout == "aag-train ended with 2\n"
    assert done.stderr.splitlines()[-1] == (
        "aag-train: Keras cannot start (Invalid `floatx` configuration. Expected one of {'float16', 'float32', "
        f"'float64'}}. Received: floatx=float8); mend or delete {tmp_path}/keras.json."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["keras.json"]
