"""Tables of the benchmarks: values are in the right cells, and ratios compare equal work."""

import subprocess
import sys

import pytest
from benchmark_scripts import script

psutil = pytest.importorskip("psutil", reason="benchmarks need the extra bench")
loss = script("loss")
peers = script("peers")
serving = script("serving_tables")


def test_losses_stand_by_size_and_implementation():
    rows = [
        {"implementation": "lightly", "projections": 768, "milliseconds": 12.34, "peak_mib": 24.3},
        {"implementation": "dense", "projections": 192, "milliseconds": 1.0, "peak_mib": 5.0},
        {"implementation": "dense", "projections": 768, "milliseconds": 4.9, "peak_mib": 10.2},
    ]
    assert loss.results_table(rows).splitlines() == [
        "| projections | dense | lightly |",
        "| ---: | ---: | ---: |",
        "| 192 | 1.0 ms / 5 MiB | – |",
        "| 768 | 4.9 ms / 10 MiB | 12.3 ms / 24 MiB |",
    ]


def test_training_is_compared_by_encoder_views():
    shared = {"step": 50.0, "input": 9000.0, "peak_mib": 900.0, "start_seconds": 9.0}
    rows = [
        {"implementation": "two", "views": 2} | peers.medians([{"both": both, **shared} for both in (29, 33, 30)]),
        {"implementation": "three", "views": 3} | peers.medians([{"both": 20.0, **shared}]),
    ]
    two, three = peers.results_table(rows).splitlines()[2:]
    assert two == "| two | 50.0 | 9,000 | 30.0 (29.0 to 33.0) | 60 | 1.00 | 900 | 9.0 |"
    assert three == "| three | 50.0 | 9,000 | 20.0 (20.0 to 20.0) | 60 | 1.00 | 900 | 9.0 |"


def test_memory_of_a_process_counts_its_children():
    hold = "import subprocess, sys; b = bytearray(50_000_000); print('ready', flush=True); input()"
    start = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {hold!r}]); p.wait()"
    process = psutil.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    try:
        assert peers.memory_of(process) > 55_000_000
    finally:
        process.communicate(b"\n")


def test_a_server_under_load_is_shown_with_all_answers():
    row = {"load": "junk", "clients": 8, "their_answers": {"INVALID_ARGUMENT": 7, "400": 1200}, "answers": {"200": 30}}
    times = {"p50_ms": 1.04, "p99_ms": 2.0, "health_p50_ms": 0.5, "health_p99_ms": 0.75, "health_worst_ms": 9.96}
    rows = [row | times | {"memory_mib": 800.4}, {**row, "their_answers": {}} | times | {"memory_mib": 900.0}]
    assert serving.load_table(rows).splitlines()[2:] == [
        "| junk | 8 | 400: 1,200, INVALID_ARGUMENT: 7 | 200: 30 | 1.0 | 2.0 | 0.5 | 0.8 | 10.0 | 800 |",
        "| junk | 8 | – | 200: 30 | 1.0 | 2.0 | 0.5 | 0.8 | 10.0 | 900 |",
    ]
