"""Names of others in what commands print: none moves the cursor, turns text around, or passes for a line of ours."""

import csv
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from command_runs import FAST, ended
from evaluations import make_evaluation
from PIL import Image
from small_classifiers import make_classifier

from aag_tf.evaluation import FeatureResult, Measure

pytestmark = pytest.mark.usefixtures("shallow")

# Clears the screen, in two ways; goes to the start of the line; begins a new one; turns what follows around; rings.
HOSTILE = "x\x1b[2J\x1b[31m\r\nFORGED: all is well\x9b2J\u202etxet\x07"
ESCAPED = r"x\x1b[2J\x1b[31m\r\nFORGED: all is well\x9b2J\u202etxet\x07"
NO_UTF_8 = os.fsdecode(b"\xff\x1b[2J")


def save_pictures(root):
    """Two classes of ten pictures with hostile names, and in each one that is broken."""
    for kind in (f"dark{HOSTILE}", f"light{NO_UTF_8}"):
        (root / kind).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (8, 8), 20 * number).save(root / kind / f"{number}{HOSTILE}.png")
        (root / kind / f"broken{HOSTILE}.png").write_bytes(b"no picture")


@pytest.fixture
def printed(capfd, monkeypatch):
    """A function that runs a command and returns its exit code and what it printed, after a look at every character."""

    def printed(*argv):
        code, text = ended(capfd, monkeypatch, *map(str, argv))
        text = text.replace("\x1b[0;0m", "")  # TensorFlow's own, at its start
        assert [each for each in text if not each.isprintable() and each != "\n"] == []
        assert [line for line in text.splitlines() if line.lstrip().startswith("FORGED")] == []
        return code, text

    return printed


def succeeds(printed, *argv):
    code, text = printed(*argv)
    assert code == 0, text
    return text


def test_every_command_prints_names_on_one_line(tmp_path, printed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, run, exports, out = (tmp_path / f"{part}{HOSTILE}" for part in ("images", "run", "exports", "out"))
    save_pictures(images)
    of_run = (f"--dataset=folder:{images}", *FAST, "--validation_fraction=0.3")

    text = succeeds(printed, "aag-train", *of_run, "--dry_run")
    assert ESCAPED in text
    text = succeeds(printed, "aag-train", *of_run, f"--run_dir={run}")
    assert f"broken{ESCAPED}.png" in text
    assert f"run{ESCAPED}" in text

    measured = ("--split=validation", "--measures=knn", "--baselines=none", "--knn_k=3")
    text = succeeds(printed, "aag-evaluate", f"--run_dir={run}", *measured, "--dry_run")
    text = succeeds(printed, "aag-evaluate", f"--run_dir={run}", *measured)
    assert f"run{ESCAPED}" in text

    text = succeeds(
        printed, "aag-augment", f"--dataset=folder:{images}", f"--out={tmp_path / HOSTILE}.png", "--images=2"
    )
    assert f"{ESCAPED}.png" in text

    flags = ("--signatures=serving_default", "--noverify")
    text = succeeds(printed, "aag-export", f"--run_dir={run}", f"--export_dir={exports}", *flags)
    assert f"exports{ESCAPED}" in text

    text = succeeds(printed, "aag-embed", f"--saved_model={exports}", f"--input={images}", f"--output={out}")
    assert f"broken{ESCAPED}.png" in text
    text = succeeds(printed, "aag-search", f"--embeddings={out}", "--like=0", "--top_k=3", f"--gallery={out}/g.html")
    assert f"out{ESCAPED}" in text
    text = succeeds(printed, "aag-search", f"--embeddings={out}", "--like=1", "--top_k=20", "--gallery=")
    assert f"0{ESCAPED}.png" in text

    classifier, served = tmp_path / f"classifier{HOSTILE}", tmp_path / f"served{HOSTILE}"
    make_classifier(classifier, class_names=[f"class{HOSTILE}", "a", "b"])
    text = succeeds(printed, "aag-export", f"--classifier={classifier}", f"--export_dir={served}", "--noverify")
    assert f"classifier{ESCAPED}" in text
    out = tmp_path / f"predicted{HOSTILE}"
    text = succeeds(printed, "aag-predict", f"--saved_model={served}", f"--input={images}", f"--output={out}")
    assert f"broken{ESCAPED}.png" in text
    assert f"class{ESCAPED}" in text

    text = succeeds(printed, "aag-pack", f"--dataset=folder:{images}", f"--output={tmp_path / 'pack'}{HOSTILE}")
    assert f"broken{ESCAPED}.png" in text


@pytest.mark.parametrize("columns", [60, 100])
def test_no_line_of_an_evaluation_begins_within_a_name(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for length in range(columns):
        name = f"{'d' * length}{HOSTILE}"
        share = Measure(f"knn{name}", 0.5, 500, 0.4, 0.6)
        results = [FeatureResult(each, 8, [share]) for each in ("raw pixels", "trained encoder")]
        lines = str(make_evaluation(results=results, data={"dataset": f"folder:{name}"})).splitlines()
        assert [line.count(ESCAPED) for line in lines if ESCAPED in line] == [1, 1, 1]  # title, table, verdict
        assert [line for line in lines if line.lstrip().startswith("FORGED")] == []


def test_metrics_of_others_are_printed_on_one_line(tmp_path, printed):
    files = [tmp_path / f"{name}{HOSTILE}.json" for name in ("one", "two")]
    content = json.loads((Path(__file__).parents[1] / "data_of_0_1_0" / "run" / "evaluation.json").read_text())
    content["data"]["dataset"] += HOSTILE
    for result in content["results"]:
        for measure in result["measures"]:
            measure["name"] += HOSTILE
    for file in files:
        file.write_text(json.dumps(content))
    text = succeeds(printed, "aag-evaluate", "--compare", *files, f"--output={tmp_path / 'c.html'}")
    assert f"one{ESCAPED}" in text
    assert f"knn{ESCAPED}" in text


REFUSED = {
    "aag-train": (
        "--dataset=folder:{name}",
        "--dataset={name}",
        "--encoder={name}",
        "--{name}=1",
        "--recipe={name}",
        "{name}",
    ),
    "aag-evaluate": ("--run_dir={name}", "--saved_model={name}", "--train_features={name}"),
    "aag-export": ("--run_dir={name}", "--classifier={name}"),
    "aag-embed": ("--saved_model={name}", "--dtype={name}"),
    "aag-search": ("--embeddings={name}",),
    "aag-predict": ("--saved_model={name}", "--input={name}"),
    "aag-pack": ("--dataset=list:{name}",),
    "aag-augment": ("--dataset=npz:{name}",),
    "aag-finetune": ("--init_from={name}", "--init_from={name}.keras", "--learning_rates={name}"),
}


@pytest.mark.parametrize(("command", "flag"), [(command, flag) for command, flags in REFUSED.items() for flag in flags])
def test_a_refusal_is_one_line(printed, command, flag):
    others = {"aag-evaluate": ["--test_features=x"] if "features" in flag else [], "aag-export": ["--export_dir=x"]}
    others |= {"aag-finetune": ["--dataset=digits", "--output=y"]}
    others["aag-predict"] = ["--output=y", *(["--input=x"] if "model" in flag else ["--saved_model=x"])]
    others |= {"aag-embed": ["--input=x", "--output=y"], "aag-search": ["--like=0"], "aag-pack": ["--output=y"]}
    code, text = printed(command, flag.format(name=HOSTILE), *others.get(command, []))
    assert code in (1, 2)
    assert len(text.splitlines()) == 1, text


def test_what_archives_and_tables_name_is_printed_on_one_line(tmp_path, printed):
    save_pictures(tmp_path / "images")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for path in sorted((tmp_path / "images").rglob("*.png")):
            archive.add(path, path.relative_to(tmp_path / "images"))
        content = b"no picture"
        member = tarfile.TarInfo(f"class/{HOSTILE}.png")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        for path in sorted((tmp_path / "images").rglob("*.png")):
            rows.writerow([path.relative_to(tmp_path), f"{path.parent.name}{HOSTILE}"])
        rows.writerow([f"missing{HOSTILE}.png", "x"])
    for dataset in (f"tar:{tmp_path}/a.tar", f"csv:{tmp_path}/a.csv"):
        code, text = printed("aag-train", f"--dataset={dataset}", *FAST, "--dry_run")
        assert code in (0, 1)
        assert "FORGED" in text, text


def test_a_traceback_moves_no_cursor(tmp_path):
    program = (
        "import sys, warnings\n"
        "from aag_tf.utils.terminal import escape_what_python_prints\n"
        "escape_what_python_prints()\n"
        f"warnings.warn({HOSTILE!r})\n"
        f"raise ValueError({HOSTILE!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    said = done.stderr.decode()
    assert said.count(r"x\x1b[2J\x1b[31m") == 2
    assert [each for each in said if not each.isprintable() and each != "\n"] == []
    assert done.returncode == 1
