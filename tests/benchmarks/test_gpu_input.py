"""The script that measures the input of a GPU runs as it is, small and on a CPU; what it counts is right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark_scripts import ROOT, script
from PIL import Image

NVIDIA_SMI = """#!/bin/sh
case "$*" in *name*) echo "A GPU of a test"; exit;; esac
while true; do echo 40; echo 80; sleep 0.2; done
"""


@pytest.fixture
def fake_gpu(tmp_path, monkeypatch):
    """A GPU as far as nvidia-smi tells: busy for 0.6 of the time on average."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


def test_it_measures_a_run_from_a_pack(tmp_path, fake_gpu):
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_input.py"), "--small", "--seconds=2", "--ways=pack_256"]
    command += [f"--json={tmp_path / 'rows.json'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "rows.json").read_text())
    assert (row["from"], row["encoder"], row["batch"], row["views"]) == ("a pack of 256 px", "tiny", 16, 2)
    assert row["seconds"] == pytest.approx(2, abs=5)
    assert row["images_per_second"] == pytest.approx(16 * row["steps"] / row["seconds"], rel=0.02)
    assert row["step_ms"] == pytest.approx(1000 * row["seconds"] / row["steps"], rel=0.02)
    assert 0 <= row["data_wait_share"] <= 1
    assert 0.05 < row["cores_used"] < 64
    assert (row["gpu"], row["gpu_busy_share"]) == ("A GPU of a test", 0.6)
    assert "| a pack of 256 px | " in done.stdout


def test_without_nvidia_tools_nothing_is_said_of_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert script("run_window").gpu_sampler() is None
    assert script("run_window").busy_share(None) is None
    assert script("gpu_input").gpu_name() is None


def test_pythons_share_is_that_of_the_samples():
    window = script("run_window").RunWindow(warm_up=0, seconds=6, images=8)
    assert window.python_share() is None

    class Ended:
        def share(self):
            return 0.20512

    window._sampling = Ended()
    assert window.python_share() == 0.205


def test_photographs_are_the_same_every_time_and_differ(tmp_path):
    for name in ("one", "two"):
        script("photographs").save_photographs(tmp_path / name, 6, 60, 45)
    files = [sorted(path.read_bytes() for path in (tmp_path / name).rglob("*.jpg")) for name in ("one", "two")]
    assert files[0] == files[1]
    assert len(set(files[0])) == 6
    for path in Path(tmp_path).rglob("*.jpg"):
        with Image.open(path) as picture:
            assert picture.size == (60, 45)
