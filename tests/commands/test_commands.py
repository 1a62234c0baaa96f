"""The commands hand a config to their worker and report; what they refuse, they refuse before TensorFlow starts."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aag_tf import evaluation, export, preflight, report, training
from aag_tf.commands import embed as embed_command
from aag_tf.commands import evaluate as evaluate_command
from aag_tf.commands import export as export_command
from aag_tf.commands import predict as predict_command
from aag_tf.commands import search as search_command
from aag_tf.commands import train as train_command
from aag_tf.config import EmbedConfig, EvaluateConfig, ExportConfig, PredictConfig, SearchConfig
from aag_tf.export import embedding, prediction, search
from aag_tf.utils.errors import RunDirectoryError

# Runs commands one after the other as their console scripts do, each line of its output marked with the command's
# number; ends with the modules that none of them may have imported.
SEVERAL = """
import sys
from importlib import import_module
for line in sys.argv[1:]:
    name, *arguments = line.split()
    sys.argv = ["aag-" + name, *arguments]
    try:
        import_module("aag_tf.commands." + name).run()
    except SystemExit as end:
        print("code", end.code, file=sys.stderr)
print("loaded", [name for name in ("tensorflow", "keras", "numpy") if name in sys.modules], file=sys.stderr)
"""


def several(*lines):
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, *lines], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, done.stderr.splitlines()


def test_bad_flags_are_refused_before_tensorflow_starts():
    _, lines = several(
        "train --temperature=0",
        "train --temprature=1",
        "train --recipe=nothing_like_it",
        "evaluate",
        "export --run_dir=a",
        "augment --strengths=0.5,lots",
        "train stray",
        "embed --saved_model=a --input=b",
        "embed --saved_model=a --input=b --output=c --dtype=float8",
        "search --embeddings=a",
        "search --embeddings=a --like=1 --gallery=thesis.tex",
    )
    assert lines[0::2] == [
        "aag-train: --temperature=0 is out of range; it must be above 0, at most 100.",
        "aag-train: --temprature is not a flag; did you mean --temperature or --learn_temperature or "
        "--temperature_minimum?",
        "aag-train: --recipe=nothing_like_it is not known; choose one of cifar10, cifar100, cifar10_cpu, "
        "cifar10_overnight, demo, fashion_mnist, svhn, or --flagfile=<file>.",
        "aag-evaluate: give exactly one of --run_dir=<run>, --saved_model=<directory>, --keras_model=<file>, "
        "--train_features=<file> and --compare <run> <run>.",
        "aag-export: --export_dir is missing; name the directory that versions are written to.",
        "aag-augment: --strengths=lots is not a number; it must be 0 to 2; separate several by commas.",
        "aag-train: 'stray' is not a flag; write settings as --name=value (--help lists them).",
        "aag-embed: --output is missing; name the directory that the embeddings may be written to.",
        "aag-embed: --dtype=float8 is not known; choose one of float32, float16.",
        "aag-search: give exactly one of --query=<picture file or folder>, --like=<row or path of the collection>, "
        "--duplicates=<similarity>, --outliers=<number> and --select=<number>.",
        "aag-search: --gallery=thesis.tex is no web page; give a name that ends in .html, or nothing for none.",
        "loaded []",
    ]
    assert lines[1::2] == ["code 2"] * 11


def test_help_answers_before_tensorflow_starts():
    text, lines = several("train --help", "evaluate --help", "export --helpfull", "embed --help", "search --help")
    assert lines == ["code 0"] * 5 + ["loaded []"]
    for command in (train_command, evaluate_command, export_command, embed_command, search_command):
        assert command.__doc__.strip() in text


def ended(capsys, monkeypatch, command, *arguments):
    """Runs a command whose worker is a fake, so that nothing which it names exists."""
    monkeypatch.setattr(sys, "argv", ["aag-test", *arguments])
    monkeypatch.setattr(preflight, "check", lambda config: None)
    with pytest.raises(SystemExit) as end:
        command.run()
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def fake_training(step, total_steps, stopped_by=None):
    def train(config):
        return training.TrainResult(Path(config.run.run_dir), step, total_steps, stopped_by)

    return train


def test_train_says_where_the_run_is_and_what_comes_next(capsys, monkeypatch):
    monkeypatch.setattr(training, "train", fake_training(8, 8))
    code, out, err = ended(capsys, monkeypatch, train_command, "--run_dir=runs/a", "--train_steps=8")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Trained for 8 steps; the run is in runs/a.",
        "Evaluate it with: aag-evaluate --run_dir=runs/a",
    ]


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_training_says_how_to_go_on(capsys, monkeypatch, number, expected):
    monkeypatch.setattr(training, "train", fake_training(3, 8, number))
    code, out, err = ended(capsys, monkeypatch, train_command, "--run_dir=runs/a")
    assert (code, out) == (expected, "")
    assert err.splitlines() == [
        "aag-train: stopped at step 3 of 8; a checkpoint is in runs/a.",
        "Go on from it with: aag-train --flagfile=runs/a/flags.txt --resume",
    ]


def test_a_worker_that_refuses_is_one_sentence(capsys, monkeypatch):
    def refuse(config):
        raise RunDirectoryError(f"--run_dir={config.run.run_dir} already exists; add --resume.")

    monkeypatch.setattr(training, "train", refuse)
    assert ended(capsys, monkeypatch, train_command, "--run_dir=runs/a") == (
        1,
        "",
        "aag-train: --run_dir=runs/a already exists; add --resume.\n",
    )


class Fake(SimpleNamespace):
    """A result of evaluation, as far as the command looks at it."""

    def __str__(self):
        return "the table"


@pytest.mark.parametrize("flags", [[], ["--noreport"]])
def test_evaluate_shows_the_table_and_names_the_files(capsys, monkeypatch, flags):
    seen = []
    fake = Fake(path=Path("runs/a/evaluation.json"))
    monkeypatch.setattr(evaluation, "evaluate", lambda config: seen.append(config) or fake)
    monkeypatch.setattr(report, "write_report", lambda *given: seen.append(given))
    code, out, err = ended(capsys, monkeypatch, evaluate_command, "--run_dir=runs/a", *flags)
    assert (code, err) == (0, "")
    results = "the table\n\nEvery metric and setting: runs/a/evaluation.json\n"
    if flags:
        assert (out, seen) == (results, [EvaluateConfig(run_dir="runs/a", report=False)])
    else:
        page = Path("runs/a/report.html")
        assert (out, seen) == (f"{results}In pictures: {page}\n", [EvaluateConfig(run_dir="runs/a"), (fake, page)])


def test_evaluate_without_a_file_shows_the_table(capsys, monkeypatch):
    monkeypatch.setattr(evaluation, "evaluate", lambda config: Fake(path=None))
    assert ended(capsys, monkeypatch, evaluate_command, "--saved_model=m") == (0, "the table\n", "")


def test_compare_shows_the_table_and_names_the_page(capsys, monkeypatch, tmp_path):
    seen = []
    fake = Fake()
    monkeypatch.setattr(evaluation, "compare", lambda runs: seen.append(runs) or fake)
    monkeypatch.setattr(report, "write_comparison", lambda *given: seen.append(given))
    page = tmp_path / "page.html"
    arguments = ("--compare", "a", "b", f"--output={page}")
    assert ended(capsys, monkeypatch, evaluate_command, *arguments) == (0, f"the table\n\nIn pictures: {page}\n", "")
    assert seen == [("a", "b"), (fake, page)]


def test_a_page_of_someone_else_is_an_error_before_any_work(capsys, monkeypatch, tmp_path):
    def fail(*given):
        raise AssertionError("work was done")

    monkeypatch.setattr(evaluation, "evaluate", fail)
    monkeypatch.setattr(evaluation, "compare", fail)
    page = tmp_path / "report.html"
    page.write_text("<p>mine</p>")
    for arguments in ([f"--run_dir={tmp_path}"], ["--compare", "a", "b", f"--output={page}"]):
        code, out, err = ended(capsys, monkeypatch, evaluate_command, *arguments)
        assert (code, out) == (1, "")
        assert (
            err
            == f"aag-evaluate: {page} exists and is no report of aag_tf, so it is left as it is; name another file.\n"
        )


def test_export_shows_its_report(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(export, "export", lambda config: seen.append(config) or "the report")
    code, out, err = ended(capsys, monkeypatch, export_command, "--run_dir=runs/a", "--export_dir=models/a")
    assert (code, out, err) == (0, "the report\n", "")
    assert seen == [ExportConfig(run_dir="runs/a", export_dir="models/a")]


def test_embed_shows_its_report(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(embedding, "embed", lambda config: seen.append(config) or "the report")
    flags = ["--saved_model=m", "--input=i", "--output=o"]
    assert ended(capsys, monkeypatch, embed_command, *flags) == (0, "the report\n", "")
    assert seen == [EmbedConfig("m", "i", "o")]


def test_predict_shows_its_report(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(prediction, "predict", lambda config: seen.append(config) or "the report")
    flags = ["--saved_model=m", "--dataset=i", "--output=o", "--uncertain=7"]  # another name of --input
    assert ended(capsys, monkeypatch, predict_command, *flags) == (0, "the report\n", "")
    assert seen == [PredictConfig("m", "i", "o", uncertain=7)]


def test_export_of_a_classifier_shows_its_report(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(export, "export_classifier", lambda config: seen.append(config) or "the report")
    flags = ["--classifier=c", "--export_dir=models/a"]
    assert ended(capsys, monkeypatch, export_command, *flags) == (0, "the report\n", "")
    assert seen == [ExportConfig(classifier="c", export_dir="models/a")]


def test_an_interrupted_embedding_says_how_to_go_on(capsys, monkeypatch):
    def interrupt(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding, "embed", interrupt)
    code, out, err = ended(capsys, monkeypatch, embed_command, "--saved_model=m", "--input=i", "--output=o")
    assert (code, out) == (130, "")
    assert err == (
        "aag-embed: stopped by Ctrl-C; the same command with --resume goes on where it had begun to embed.\n"
    )


def test_search_shows_its_report(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(search, "answer", lambda config: seen.append(config) or "the report")
    assert ended(capsys, monkeypatch, search_command, "--embeddings=e", "--like=3") == (0, "the report\n", "")
    assert seen == [SearchConfig("e", like="3")]
