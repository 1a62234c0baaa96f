"""A trial of the kill study: of a run that cuts views from files, inside the writing of a checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"
DATA, SEED = "jpeg_cut", 1  # odd seeds kill inside of a write


def test_a_killed_run_goes_on_to_the_same_weights_and_records(tmp_path):
    rows_file = tmp_path / "rows.json"
    command = [sys.executable, str(SCRIPT), "--studies=kill", "--replicas=1", f"--data={DATA}", "--trials=1"]
    command += [f"--first_seed={SEED}", f"--json={rows_file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(rows_file.read_text())
    assert (row["data"], row["case"], row["exit"]) == (DATA, SEED, 0)
    assert row["in_write"], row
    assert row["identical"], row
    assert row["records_equal"], row
    assert row["events_equal"], row
    assert 0 <= row["resumed_from"] <= row["killed_at"] <= 40
