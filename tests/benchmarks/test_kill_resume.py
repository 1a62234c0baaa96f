"""Two trials of the kill study: one anywhere, one inside the writing of a checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"


def test_a_killed_run_goes_on_to_the_same_weights_and_records(tmp_path):
    rows_file = tmp_path / "rows.json"
    command = [sys.executable, str(SCRIPT), "--studies=kill", "--replicas=1", "--trials=2", f"--json={rows_file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(rows_file.read_text())
    assert [row["case"] for row in rows] == [0, 1]
    assert rows[1]["in_write"]
    for row in rows:
        assert row["exit"] == 0
        assert row["identical"], row
        assert row["records_equal"], row
        assert row["events_equal"], row
        assert 0 <= row["resumed_from"] <= row["killed_at"] <= 40
