"""The script that starts runs of very many files runs as it is, with few of them; what it counts is right."""

import io
import json
import sys

import numpy as np
from benchmark_scripts import script
from PIL import Image

COUNT = 1_300  # more than are in a folder, and more than are opened without being remembered


def jpegs():
    files = []
    for number in range(7):
        held = io.BytesIO()
        noise = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(held, "JPEG")
        files.append(held.getvalue())
    return files


def test_it_starts_runs_from_files_and_from_their_pack(tmp_path, monkeypatch, capsys):
    many_files = script("many_files")
    monkeypatch.setattr(many_files, "encoded", jpegs)
    starts = {}

    def start(dataset, cache, *, drop):
        """Starts once from files and once from the pack, for each of which a process imports TensorFlow."""
        if dataset not in starts:
            starts[dataset] = real(dataset, cache, drop=drop)
        return starts[dataset]

    real = many_files.start
    monkeypatch.setattr(many_files, "start", start)
    arguments = [f"--folder={tmp_path}", f"--files={COUNT}", f"--json={tmp_path / 'rows.json'}"]
    monkeypatch.setattr(sys, "argv", ["many_files.py", *arguments])
    many_files.main()
    found = json.loads((tmp_path / "rows.json").read_text())
    expected = [f"{kind}, {state}" for kind in ("files", "pack") for state in ("cold", "warm")]
    assert [(row["start"], row["files"]) for row in found["memory"]] == [(each, COUNT) for each in expected]
    for each in found["memory"]:
        rows = {row["phase"]: row for row in found["phases"] if row["start"] == each["start"]}
        assert ("headers" in rows) == each["start"].startswith("files")
        assert {"images and labels", "splits", "fingerprint", "tracing and first step", "second step"} <= set(rows)
        assert all(row["seconds"] >= 0 and row["peak_mib"] >= row["mib"] > 0 for row in rows.values())
        assert each["peak_mib"] == max(row["peak_mib"] for row in rows.values())
        assert 0 <= each["opening_mib"] < each["peak_mib"]
    folder = tmp_path / f"files_{COUNT}"
    assert sorted(path.name for path in folder.iterdir()) == ["class_0000", "class_0001"]
    assert len(list(folder.rglob("*.jpg"))) == COUNT
    assert (folder / many_files.name(1_299)).read_bytes() == jpegs()[1_299 % 7]
    assert "**total until the end of the first step**" in capsys.readouterr().out
