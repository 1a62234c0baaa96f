"""The loggers that the documentation shows: its code runs as printed against the real packages, without a network."""

import re
import struct
from pathlib import Path

import pytest

import aag_tf
from aag_tf.training.callbacks.tolerant_writer import TolerantWriter

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "loggers.md"
RECORDS = [
    {"step": 5, "loss": 4.5, "gradient_norm": float("inf")},
    {"step": 10, "loss": 4.0},
    {"step": 10, "knn_accuracy": 0.75},  # of the same step, by another callback
    {"step": 15, "loss": 3.5},
]


@pytest.fixture
def run_program(tmp_path, monkeypatch):
    """Runs the page's program that begins with an import; `train` in it hands records over without training."""

    def train(config, writers):
        assert config.run.run_dir == "runs/mine"
        for record in RECORDS:
            for writer in map(TolerantWriter, writers):
                writer.write(record)

    def run(package):
        (program,) = re.findall(
            rf"^```python\n(import {package}\n.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
        )
        exec(program, {"__name__": "program"})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aag_tf, "train", train)
    return run


def offline_records(content):
    """Records of W&B's offline file: LevelDB's log format, after a header of seven bytes.

    A block of 32 KiB holds parts, each with a checksum (4 bytes), a length (2) and a kind (1): a whole record, or its
    first, middle or last part. https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    block, header, whole, last = 2**15, 7, 1, 4
    assert content.startswith(b":W&B")
    place, record = header, b""
    while place < len(content):
        if block - place % block < header:  # too little room for another part
            place += block - place % block
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        record += content[place + header : place + header + length]
        place += header + length
        if kind in (whole, last):
            yield record
            record = b""


@pytest.mark.filterwarnings("default")  # of the packages
def test_weights_and_biases_gets_every_record(run_program, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs wandb, of the extra loggers")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run_program("wandb")

    (file,) = (tmp_path / "wandb").glob("offline-run-*/run-mine.wandb")
    logged, settings = [], {}
    for data in offline_records(file.read_bytes()):
        record = Record.FromString(data)
        if record.HasField("run"):
            settings |= {item.key: item.value_json for item in record.run.config.update}
        if record.HasField("history"):
            items = {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
            logged.append({name: float(value) for name, value in items.items() if not name.startswith("_")})
    assert settings["temperature"] == "0.17"
    assert [record["step"] for record in logged] == [5, 10, 10, 15]
    assert logged[1:] == RECORDS[1:]
    assert logged[0]["loss"] == 4.5


@pytest.mark.filterwarnings("default")
def test_mlflow_gets_every_record(run_program, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow, of the extra loggers")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    run_program("mlflow")

    (run,) = mlflow.search_runs(experiment_names=["aag"], output_format="list")
    client = mlflow.MlflowClient()

    def history(name):
        return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))

    assert run.info.run_name == "mine"
    assert run.info.status == "FINISHED"
    assert run.data.params["temperature"] == "0.17"
    assert history("loss") == [(5, 4.5), (10, 4.0), (15, 3.5)]
    assert history("knn_accuracy") == [(10, 0.75)]
    assert "step" not in run.data.metrics
