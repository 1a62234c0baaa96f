"""The precision of a run is chosen when it begins, recorded, and kept on whatever machine it is resumed."""

import dataclasses

import pytest
from simulated_cpu import AVX2, BFLOAT16, install_cpu
from training_runs import schedule, settings

from aag_tf import flags
from aag_tf.config import TrainConfig
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.training.precision import with_precision
from aag_tf.training.train import train
from aag_tf.utils.errors import RunDirectoryError

COST = "5.8 times as long"


def automatic(run_dir, **run):
    return dataclasses.replace(settings(run_dir, **run), schedule=schedule(precision="auto", train_steps=2))


@pytest.mark.parametrize("machines", [(BFLOAT16, AVX2), (AVX2, BFLOAT16)])
def test_a_resumed_run_keeps_its_precision(monkeypatch, tmp_path, caplog, machines):
    begun, resumed = machines
    chosen = "mixed_bfloat16" if begun == BFLOAT16 else "float32"
    run_dir = tmp_path / "run"
    install_cpu(monkeypatch, tmp_path, begun)
    config = with_precision(automatic(run_dir))
    assert config.schedule.precision == chosen
    directory = RunDirectory(run_dir)
    directory.create()
    directory.write_record(RunRecord(config=config, image_shape=(8, 8, 1)))
    assert COST not in caplog.text
    install_cpu(monkeypatch, tmp_path, resumed)
    assert with_precision(automatic(run_dir, resume=True)).schedule.precision == chosen
    assert (COST in caplog.text) == (chosen == "mixed_bfloat16")
    assert with_precision(automatic(run_dir, overwrite=True)).schedule.precision != chosen


def test_what_was_chosen_is_recorded_and_computed_in(monkeypatch, tmp_path, caplog):
    install_cpu(monkeypatch, tmp_path, BFLOAT16)
    run_dir = tmp_path / "run"
    computed = []

    def encoder():
        from aag_tf.encoders import build_encoder

        model = build_encoder(settings(run_dir).encoder, (8, 8, 1))
        computed.append(model.layers[-2].compute_dtype)
        return model

    train(automatic(run_dir), encoder=encoder)
    assert computed == ["bfloat16"]
    directory = RunDirectory(run_dir)
    assert directory.read_record().config.schedule.precision == "mixed_bfloat16"
    argv = ["aag-train", f"--flagfile={directory.flags_file}"]
    assert flags.parse(argv, TrainConfig, usage="").schedule.precision == "mixed_bfloat16"
    install_cpu(monkeypatch, tmp_path, AVX2)
    with pytest.raises(RunDirectoryError, match=r"--precision \(was mixed_bfloat16, is float32\)"):
        train(dataclasses.replace(automatic(run_dir, resume=True), schedule=schedule(train_steps=2)))
    assert COST not in caplog.text
    again = flags.parse([*argv, "--resume", "--precision=auto"], TrainConfig, usage="")
    assert train(again).step == 2
    assert COST in caplog.text


def test_a_run_that_is_not_there_is_left_to_the_checks_of_training(monkeypatch, tmp_path):
    install_cpu(monkeypatch, tmp_path, AVX2)
    assert with_precision(automatic(tmp_path / "run", resume=True)).schedule.precision == "float32"
    with pytest.raises(RunDirectoryError, match="holds no run to resume"):
        train(automatic(tmp_path / "run", resume=True))
