"""Processes that are stopped while they read images end, and the next goes on to what an undisturbed run gives."""

import json
import subprocess
import sys

import pytest
from benchmark_scripts import ROOT

STOPS = 1


@pytest.mark.parametrize("data", ["jpeg-pack_cut"])
def test_stopped_runs_end_and_go_on(tmp_path, data):
    command = [sys.executable, str(ROOT / "benchmarks" / "stops.py"), f"--data={data}", f"--stops={STOPS}"]
    command += [f"--json={tmp_path / 'rows.json'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())
    stopped, complete = [row for row in rows if "ended" in row], [row for row in rows if "finished" in row]
    assert len(stopped) == STOPS
    assert len(complete) >= 1
    for row in stopped:
        assert row["ended"], row
        assert row["exit"] == 143, row
        assert row["saved_step"] >= row["step_seen"], row
    for row in complete:
        assert row["exit"] == 0, row
        assert row["identical"], row
        assert row["records_equal"], row
        assert row["events_equal"], row
    assert f"| `{data}` | {STOPS} |" in done.stdout
