"""What a refusal advises works as it is printed, for the run at hand: every advice is collected and followed."""

import contextlib
import dataclasses
import itertools
import re
import shlex
import shutil
import sys

import numpy as np
import pytest
from small_runs import make_run, save_images

from aag_tf import flags
from aag_tf.config import EvaluateConfig
from aag_tf.evaluation import compare, evaluate
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import AagError

# `aag-... --flag=value ...`, or flags with values beside each other; `<...>` stands for what only a user knows.
FLAG = r"--\w+=(?!\S*<)\S*[^\s.,;)]"
ADVICE = re.compile(rf"(?:aag-[a-z]+ )?{FLAG}(?: {FLAG})*")
LABELS = np.arange(40) % 2
BLACK = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 1), np.uint8)

RUNS = {
    "labeled": ({"labels": LABELS}, {}),
    "unlabeled": ({}, {}),
    "unlabeled, nothing held out": ({}, {"validation_fraction": 0.0}),
    "unlabeled with test": ({"test_images": BLACK}, {}),
    "test without labels": ({"labels": LABELS, "test_images": BLACK}, {}),
    "test without labels, no validation": ({"labels": LABELS, "test_images": BLACK}, {"validation_fraction": 0.0}),
    "no validation": ({"labels": LABELS}, {"validation_fraction": 0.0}),
    "one class": ({"labels": np.zeros(40, np.int64)}, {}),
}
COMMANDS = [
    "",
    "--measures=knn",
    "--measures=all --split=train",
    "--split=test",
    "--split=test --measures=knn,unlabeled",
    "--split=validation",
    "--split=validation --measures=linear",
    "--split=train",
    "--split=train --measures=knn",
    "--measures=knn --knn_k=500",
    "--knn_k=500",
    "--image_size=16",
    "--checkpoint=best",
]
# What an advice is run with, so that it takes a second.
CHEAP = ["--baselines=none", "--noreport"]
MOST_EVALUATED = 6


class Accepted(Exception):
    """An evaluation has passed all checks and begins its work."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One encoder in a run for each data set."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root / "first", save_images(root / "first.npz"))
    for number, (arrays, data) in enumerate(RUNS.values()):
        shutil.copytree(root / "first", root / f"run{number}")
        directory = RunDirectory(root / f"run{number}")
        record = directory.read_record()
        dataset = save_images(root / f"data{number}.npz", **arrays)
        changed = dataclasses.replace(record.config.data, dataset=dataset, **data)
        directory.write_record(dataclasses.replace(record, config=dataclasses.replace(record.config, data=changed)))
    return {name: root / f"run{number}" for number, name in enumerate(RUNS)}


@pytest.fixture
def module(monkeypatch):
    """The module of `evaluate`, which loads each encoder once."""
    module = sys.modules["aag_tf.evaluation.evaluate"]
    load, loaded = module.load_subject, {}

    def load_once(config):
        key = (config.run_dir, config.checkpoint)
        if key not in loaded:
            loaded[key] = load(config)
        return loaded[key]

    monkeypatch.setattr(module, "load_subject", load_once)
    return module


def run(arguments):
    return evaluate(flags.parse(["aag-evaluate", *arguments], EvaluateConfig, usage=""))


def followed(given, advice):
    """Returns the arguments after a user has followed an advice."""
    words = shlex.split(advice)
    if words[0].startswith("aag-"):
        assert words[0] == "aag-evaluate"
        return words[1:]
    names = {word.partition("=")[0] for word in words}
    return [word for word in given if word.partition("=")[0] not in names] + words


@pytest.mark.filterwarnings("error")
def test_advice_of_refusals_works_as_printed(runs, module, monkeypatch):
    def accept(*_):
        raise Accepted

    refused, advised = [], {}
    for name, command in itertools.product(RUNS, COMMANDS):
        given = [f"--run_dir={runs[name]}", *command.split(), *CHEAP]
        with monkeypatch.context() as patched, contextlib.suppress(Accepted):
            patched.setattr(module, "_measure", accept)
            try:
                run(given)
            except AagError as error:
                refused.append((name, command))
                text = str(error)
                found = [each for each in ADVICE.findall(text) if not set(each.split()) <= set(given)]
                # A size that the encoder does not take, and a checkpoint that there is not, are left out.
                assert found or "leave it out" in text or "latest" in text, text
                advised |= {(name, tuple(followed(given, each))): text for each in found}
    assert len({name for name, command in refused if not command}) == 0  # without flags every run is evaluated
    assert len(refused) >= 30
    assert len(advised) >= 20
    done = set()
    for (name, arguments), text in advised.items():
        kind = tuple(word for word in arguments if not word.startswith("--run_dir"))
        with monkeypatch.context() as patched, contextlib.suppress(Accepted):
            if kind in done or len(done) >= MOST_EVALUATED:  # what comes after the checks is the same
                patched.setattr(module, "_measure", accept)
            done.add(kind)
            try:
                assert run(arguments).main_result.measures
            except AagError as error:
                pytest.fail(f"{name}: {text} leads to: {error}")


def test_the_command_that_a_comparison_asks_for_makes_what_it_needs(runs, module):
    pair = [runs["unlabeled"], runs["unlabeled with test"]]
    for path in pair:
        (path / "evaluation.json").unlink(missing_ok=True)
        with pytest.raises(AagError, match="has not been evaluated") as refusal:
            compare(pair if path is pair[0] else pair[::-1])
        (advice,) = ADVICE.findall(str(refusal.value))
        run([*followed([], advice), *CHEAP])
        assert (path / "evaluation.json").is_file()


def test_data_that_is_gone_is_named(runs, tmp_path):
    path = shutil.copytree(runs["labeled"], tmp_path / "run")
    directory = RunDirectory(path)
    record = directory.read_record()
    data = dataclasses.replace(record.config.data, dataset=f"npz:{tmp_path}/gone.npz")
    directory.write_record(dataclasses.replace(record, config=dataclasses.replace(record.config, data=data)))
    with pytest.raises(AagError, match=r"gone\.npz is not a file") as refusal:
        run([f"--run_dir={path}", *CHEAP])
    assert ADVICE.findall(str(refusal.value)) == []
    dataset = save_images(tmp_path / "again.npz", labels=LABELS)
    assert run([f"--run_dir={path}", f"--dataset={dataset}", "--measures=knn", *CHEAP]).main_result.measures
