"""One layout from the first command to the last: a dry run, training, evaluation and export see the same images."""

import csv
import io
import json
import tarfile

import numpy as np
import pytest
from command_runs import FAST, ended
from PIL import Image

pytestmark = pytest.mark.usefixtures("shallow")


def encoded(kind, number):
    """A picture of a class: its gray level, and noise."""
    noise = np.random.default_rng(100 * kind + number).integers(0, 30, (8, 8), np.uint8)
    held = io.BytesIO()
    Image.fromarray(noise + np.uint8(100 * kind)).save(held, "PNG")
    return held.getvalue()


def save(root, folder, kind, count):
    (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (root / folder / f"{number:02}.png").write_bytes(encoded(kind, number))


def capital(root):
    for split, count in (("Training", 12), ("Testing", 6)):
        for kind, own in enumerate("ab"):
            save(root, f"{split}/{own}", kind, count)
    return f"folder:{root}", (22, 2, 12)


def class_first(root):
    for kind, own in enumerate("ab"):
        save(root, f"data/{own}/train", kind, 12)
        save(root, f"data/{own}/val", kind, 3)
        save(root, f"data/{own}/test", kind, 6)
    (root / "cover.png").write_bytes(encoded(1, 1))
    return f"folder:{root}", (24, 6, 12)


def table(root):
    with (root / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Image File", "Species", "Subset"])
        for kind, own in enumerate("ab"):
            save(root, f"all/{own}", kind, 18)
            for number in range(18):
                split = "train" if number < 12 else "test"
                writer.writerow([f"all\\{own}\\{number:02}.png", own, split])
    return f"csv:{root}/t.csv", (22, 2, 12)


def shards(root):
    number = 0
    for split, count in (("train", 24), ("test", 12)):
        with tarfile.open(root / f"digits-{split}-000.tar", "w") as tar:
            for row in range(count):
                files = {"png": encoded(row % 2, number), "cls": "ab"[row % 2].encode()}
                for suffix, content in files.items():
                    info = tarfile.TarInfo(f"{number:06}.{suffix}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                number += 1
    return f"tar:{root}/*.tar", (22, 2, 12)


def joined(root):
    for kind, own in enumerate("ab"):
        save(root, f"one/train/{own}", kind, 6)
        save(root, f"two/{own}", kind, 6)
        save(root, f"one/test/{own}", kind, 6)
    return f"folder:{root}/one,folder:{root}/two", (22, 2, 12)


EXPORTED = {
    shards: (),
    joined: ("--noverify", "--signatures=serving_default"),
}  # verified with images; all of them would take minutes


@pytest.mark.parametrize("make", [capital, class_first, table, shards, joined])
def test_all_commands_see_the_same_splits_and_classes(make, tmp_path, capsys, monkeypatch):
    def run(*argv):
        code, text = ended(capsys, monkeypatch, *argv)
        assert code == 0, text
        return text

    (tmp_path / "images").mkdir()
    dataset, (train, validation, test) = make(tmp_path / "images")
    path = tmp_path / "run"
    training = ("aag-train", f"--dataset={dataset}", f"--run_dir={path}", *FAST)

    said = run(*training, "--dry_run")
    for count in (f"train {train}", f"validation {validation}", f"test {test}", "2 from"):
        assert count in said
    assert "\nNothing was trained and nothing was written (--dry_run).\n" in said
    assert not path.exists()

    run(*training)
    record = json.loads((path / "run.json").read_text())
    assert (record["num_train_images"], record["class_names"]) == (train, ["a", "b"])
    assert "auto" not in record["flags"]["splits"]
    evaluation = ("aag-evaluate", f"--run_dir={path}", "--measures=knn", "--baselines=raw_pixels", "--noreport")
    if make is capital:
        run(*training, "--resume")
        assert f"{test} images of 2 classes, the test split (--split)" in run(*evaluation, "--dry_run")
        assert not (path / "evaluation.json").exists()
    run(*evaluation)
    data = json.loads((path / "evaluation.json").read_text())["data"]
    assert (data["num_bank"], data["num_queries"], data["class_names"]) == (train + validation, test, ["a", "b"])

    if make in EXPORTED:
        run("aag-export", f"--run_dir={path}", f"--export_dir={tmp_path / 'served'}", *EXPORTED[make])
        assert (tmp_path / "served" / "1" / "saved_model.pb").exists()
