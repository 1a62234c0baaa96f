"""The photographs of the study of source crops, its runs, and its statistics on made-up results."""

import numpy as np
import pytest
from benchmark_scripts import script
from PIL import Image

photographs = script("source_crops_photographs")
study = script("source_crops_accuracy")


def pictures(tmp_path, classes):
    source = tmp_path / "source"
    source.mkdir()
    for kind, count in classes.items():
        for number in range(count):
            path = source / f"{kind}{number}.jpg"
            path.write_bytes(path.name.encode())
            yield path, kind


def names(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.jpg"))


def test_every_third_of_a_class_is_held_out(tmp_path):
    photographs.copy_split(reversed(list(pictures(tmp_path, {"a": 4, "b": 3}))), tmp_path / "made", 3)
    assert names(tmp_path / "made") == [
        *("test/a/a2.jpg", "test/b/b2.jpg"),
        *("train/a/a0.jpg", "train/a/a1.jpg", "train/a/a3.jpg", "train/b/b0.jpg", "train/b/b1.jpg"),
    ]
    photographs.copy_split(list(pictures(tmp_path / "made", {"c": 2})), tmp_path / "all", 0)
    assert names(tmp_path / "all") == ["train/c/c0.jpg", "train/c/c1.jpg"]


def test_other_pictures_are_refused_and_made_once(tmp_path, monkeypatch):
    calls = []

    def read(directory):
        calls.append(directory)
        yield from pictures(tmp_path, {"a": 2})

    made = tmp_path / "data" / "made"
    monkeypatch.setitem(photographs.COLLECTIONS, "made", photographs.Photographs(("true",), read, 2, "other"))
    with pytest.raises(SystemExit, match="has other pictures"):
        photographs.arrange("made", made)
    digest = photographs.digest_of(made)
    monkeypatch.setitem(photographs.COLLECTIONS, "made", photographs.Photographs(("true",), read, 2, digest))
    assert photographs.arrange("made", made) == digest
    assert len(calls) == 1
    (made / "train/a/a0.jpg").write_bytes(b"changed")
    assert photographs.digest_of(made) != digest


def test_nothing_is_left_of_a_package_that_cannot_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setitem(photographs.COLLECTIONS, "made", photographs.Photographs(("false",), pictures, 2, ""))
    with pytest.raises(SystemExit, match="made: false failed"):
        photographs.arrange("made", tmp_path / "data" / "made")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_seed_is_complete_before_the_next_and_arms_differ_in_one_flag(tmp_path):
    assert [job.key for job in study.JOBS[:3]] == ["cells image seed0", "cells source seed0", "cells image seed1"]
    assert len(study.JOBS) == 12
    first, second = (set(job.flags(tmp_path)) for job in study.JOBS[:2])
    assert first ^ second == {"--crop_from=image", "--crop_from=source"}


def test_the_halves_of_a_wide_picture_have_no_pixel_in_common(tmp_path):
    halves = np.zeros((100, 200, 3), np.uint8)
    halves[:, 100:] = 200
    Image.fromarray(halves).save(tmp_path / "wide.png")
    Image.fromarray(halves[:, 1:]).save(tmp_path / "narrow.png")
    left, right = study.left_and_right([tmp_path / "wide.png"])
    assert left.shape == right.shape == (1, 64, 64, 3)
    assert (left.max(), right.min()) == (0, 200)
    assert study.left_and_right([tmp_path / "wide.png", tmp_path / "narrow.png"]) is None
    assert study.left_and_right([]) is None


def test_a_half_is_found_where_its_own_other_half_is_nearest():
    left = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    right = np.array([[9.0, 0.0], [0.5, 0.6], [0.0, 1.0]])  # the last two are exchanged
    assert study.found_other(left, right).tolist() == [True, False, False, True, False, False]


def test_a_paired_interval_is_narrow_where_encoders_err_alike():
    hits = "1" * 60 + "0" * 40
    assert study.paired_interval(hits, hits) == (0.0, 0.0, 0.0)
    value, low, high = study.paired_interval("1" * 70 + "0" * 30, hits)
    assert value == pytest.approx(10.0)
    assert 3 < low < 7  # ten of a hundred differ: 10 ± 1.96 * 3
    assert 13 < high < 17


def test_the_report_pairs_runs_by_seed_and_leaves_out_incomplete_pairs():
    hits = {"image": "1100", "source": "1110"}
    known = {"raw pixels": {"knn": [0.3, 0, 1], "linear": [0.4, 0, 1]}, study.TRAINED: {"majority": [0.25, 0, 1]}}
    records = {
        job.key: {"hits": {"knn": hits[job.crop_from], "linear": "1111"}, "accuracies": known}
        for job in study.JOBS
        if job.photographs == "cells" and (job.seed, job.crop_from) != (2, "source")
    }
    lines = study.report(records).splitlines()
    assert lines[0] == "**cells**"
    assert lines[4].startswith("| kNN | 0 | 50.0 | 75.0 | +25.0 [")
    assert lines[6] == "| kNN | mean | 50.0 | 75.0 | **+25.0 [+25.0, +25.0]** |"
    assert lines[7] == "| linear probe | 0 | 100.0 | 100.0 | +0.0 [+0.0, +0.0] |"
    assert not any("landscapes" in line or "| 2 |" in line for line in lines)
    assert lines[-1] == (
        "Baselines, seed 0: raw pixels 30.0 (kNN) and 40.0 (linear probe); always the largest class 25.0."
    )


def test_one_seed_has_no_mean():
    known = {study.TRAINED: {"majority": [0.25, 0, 1]}}
    records = {
        job.key: {"hits": {"knn": "1100", "linear": "1111"}, "accuracies": known}
        for job in study.JOBS
        if (job.photographs, job.seed) == ("cells", 0)
    }
    lines = study.report(records).splitlines()
    assert len([line for line in lines if line.startswith(("| kNN", "| linear"))]) == 2
    assert "nan" not in "".join(lines)
