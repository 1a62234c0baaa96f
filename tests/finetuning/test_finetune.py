"""From an encoder and labels to a classifier: its files, its choices, and the same result after `kill -9`."""

import json
import os
import shutil
import signal
import sys

import keras
import numpy as np
import pytest
from html_checks import Page, check_accessible, check_stands_alone
from processes import Process
from tuning_runs import settings, shapes

from aag_tf.finetuning import finetune, plan
from aag_tf.finetuning.encoder import open_encoder
from aag_tf.finetuning.figures import FINE_TUNED, PROBE, PROBE_OF_ALL, SCRATCH
from aag_tf.runs.classifier_files import open_classifier
from aag_tf.utils.errors import ConfigError, FinetuneError, StoppedError
from aag_tf.utils.progress import no_progress

CLASSIFIER = "classifier.keras"
FILES = ["classifier.json", "classifier.keras", "finetune.json", "report.html", "started.json", "trials"]
MADE = {"scratch": True, "refit": True, "learning_rates": "0.01,0.001", "seed": 4, "augment": "main"}


@pytest.fixture(scope="module")
def made(run_dir, few, tmp_path_factory):
    """A fine-tuning at two learning rates beside random weights, and its directory."""
    output = tmp_path_factory.mktemp("classifiers") / "few"
    return finetune(settings(run_dir, few, output, **MADE)), output


def test_a_classifier_its_metrics_and_its_report_are_written(made):
    result, output = made
    assert sorted(path.name for path in output.iterdir()) == FILES
    content = json.loads((output / "finetune.json").read_text())
    assert content["schema"] == 1
    assert [each["features"] for each in content["results"]] == [FINE_TUNED, PROBE, SCRATCH]
    assert content["data"] | {"image_shape": None} == {
        "dataset": content["data"]["dataset"],
        "reported_split": "test",
        "train": 32,
        "held_out": 8,
        "reported": 10,
        "num_classes": 3,
        "class_names": ["0", "1", "2"],
        "image_shape": None,
        "conversion": "images at 8x8 pixels",
        "own_validation": False,
        "refit": True,
    }
    assert content["encoder"]["kind"] == "run"
    assert np.array(content["confusion"]).sum(axis=1).tolist() == [6, 2, 2]
    assert [each["right"] for each in content["classes"]] == np.diagonal(content["confusion"]).tolist()
    accuracy = content["results"][0]["measures"][0]
    assert accuracy["value"] == np.trace(content["confusion"]) / 10
    assert [each["over"] for each in content["differences"]] == [PROBE, SCRATCH]
    of_probe = content["results"][1]["measures"][0]["value"]
    assert content["differences"][0]["value"] == pytest.approx(accuracy["value"] - of_probe)
    assert str(result).count("\n") > 5


def test_the_training_that_is_best_on_held_out_labels_is_repeated_on_all_and_becomes_the_classifier(made):
    result, output = made
    names = ["encoder-0.001", "encoder-0.01", "random-0.001", "random-0.01"]
    assert [each.trial.name for each in result.trials] == names
    chosen = min(result.trials[:2], key=lambda each: each.cross_entropy)
    assert result.chosen == chosen
    scratch = min(result.trials[2:], key=lambda each: each.cross_entropy)
    refits = [f"{each.trial.name}-refit" for each in (chosen, scratch)]
    assert sorted(path.name for path in (output / "trials").iterdir()) == sorted(names + refits)
    np.testing.assert_array_equal(*logits_of(output / "trials" / refits[0] / "best.keras", output / CLASSIFIER))
    last = json.loads((output / "trials" / refits[0] / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == chosen.best_step
    assert "held_out_accuracy" not in last
    assert result.learned == "chosen by 8 held-out ones, then learned from all 40 labeled ones"


def test_without_a_refit_the_best_weights_stay_and_the_probe_on_all_labels_stands_beside(run_dir, few, tmp_path):
    result = finetune(settings(run_dir, few, tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out" / "trials").iterdir()] == ["encoder-0.01"]
    best = tmp_path / "out" / "trials" / "encoder-0.01" / "best.keras"
    np.testing.assert_array_equal(*logits_of(best, tmp_path / "out" / CLASSIFIER))
    assert [each.features for each in result.results] == [FINE_TUNED, PROBE, PROBE_OF_ALL]
    assert "refit" not in str(result)
    assert result.learned == "learned from 32, chosen by 8 held-out ones"


def test_a_refit_learns_from_held_out_images_and_from_nothing_else_anew(run_dir, few, tmp_path, monkeypatch):
    from aag_tf.finetuning import trials

    module = sys.modules["aag_tf.finetuning.finetune"]
    seen = []
    original = trials.run_refit

    def watched(work):
        seen.append((work.trial, len(work.images.train), work.images.held_out, work.head))
        return original(work)

    monkeypatch.setattr(trials, "run_refit", watched)
    fitted = []
    fit = module.fit_linear_probe

    def fit_and_tell(features, labels, l2_grid):
        fitted.append((len(features), l2_grid))
        return fit(features, labels, l2_grid=l2_grid)

    monkeypatch.setattr(module, "fit_linear_probe", fit_and_tell)
    result = finetune(settings(run_dir, few, tmp_path / "out", refit=True))
    ((trial, learned, held_out, head),) = seen
    assert (learned, held_out) == (40, None)
    assert (trial.learning_rate, trial.steps, trial.refit_to) == (0.01, 6, result.chosen.best_step)
    assert head[0].shape == (result.results[0].dim, 3)
    assert fitted == [(40, [result.settings["probe_l2"]])]  # as regularized as the probe that was chosen by


def logits_of(*files):
    images = shapes(np.arange(9) % 3, seed=7).astype(np.float32)
    return [keras.saving.load_model(file).predict(images, verbose=0) for file in files]


def test_every_look_is_in_the_metrics_and_none_is_better_than_the_best(made):
    result, output = made
    for each in result.trials:
        directory = output / "trials" / each.trial.name
        records = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
        assert [record["step"] for record in records] == list(range(each.steps_done + 1))
        entropies = {record["step"]: record["held_out_cross_entropy"] for record in records}
        assert min(entropies.values()) == entropies[each.best_step] == pytest.approx(each.cross_entropy, abs=1e-6)
        assert any("tfevents" in path.name for path in directory.iterdir())
        assert not (directory / "checkpoints").exists()
    random = next(each for each in result.trials if each.start == "random")
    first = json.loads((output / "trials" / random.trial.name / "metrics.jsonl").read_text().splitlines()[0])
    assert first["held_out_cross_entropy"] == pytest.approx(np.log(3), abs=1e-5)  # logits of zero


def test_the_classifier_opens_with_its_record(made):
    result, output = made
    classifier = open_classifier(output)
    record = classifier.record
    assert record.class_names == ["0", "1", "2"]
    assert record.image_shape == (8, 8, 1)
    assert record.temperature == result.calibration[FINE_TUNED]["after"].temperature
    assert record.encoder == result.encoder
    figures = dict(record.figures)
    assert figures.pop("accuracy, test split of 10 images").value == result.results[0].measures[0].value
    assert "accuracy of the linear probe" in figures


def test_the_report_stands_alone_and_says_what_was_chosen(made):
    _, output = made
    page = Page((output / "report.html").read_text())
    check_stands_alone(page)
    check_accessible(page)
    for heading in ("Each class", "Which classes are confused", "Calibration", "Trainings", "Settings"):
        assert heading in page.texts("h2")
    assert any("(chosen)" in text for text in page.texts("th"))


def test_the_encoder_is_as_it_was(made, run_dir, few):
    result, _ = made
    assert open_encoder(settings(run_dir, few, "unused")).facts == result.encoder


def test_a_training_that_gets_worse_gives_the_probe_and_says_so(run_dir, few, tmp_path):
    config = settings(run_dir, few, tmp_path / "out", learning_rates="30", patience=2, ema_momentum=0.0, refit=True)
    result = finetune(config)
    assert result.chosen.best_step == 0
    assert result.chosen.steps_done == 2  # patience
    assert "the classifier is the linear probe" in str(result).replace("\n ", "")
    fine_tuned, probe = (each.measures[0].value for each in result.results[:2])
    assert fine_tuned == probe


def stopped_at(config, step):
    """Fine-tunes until the checkpoint of a step is published, and ends as by `kill -9` just before."""

    def kill(event, arguments):
        if event == "os.rename" and str(arguments[1]).endswith(f"step-{step}"):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    with no_progress():
        finetune(config)


def logits_and_metrics(output):
    images = shapes(np.arange(12) % 3, seed=9).astype(np.float32)
    model = keras.saving.load_model(output / "classifier.keras")
    content = json.loads((output / "finetune.json").read_text())
    trials = [{name: value for name, value in each.items() if name != "seconds"} for each in content["trials"]]
    curves = {path.parent.name: path.read_text() for path in output.glob("trials/*/metrics.jsonl")}
    return model.predict(images, verbose=0), content["results"], content["calibration"], trials, curves


def test_a_killed_fine_tuning_goes_on_bit_for_bit(made, run_dir, few, tmp_path):
    killed = shutil.copytree(made[1], tmp_path / "killed")
    for name in FILES[:4]:  # what is written in the end
        (killed / name).unlink()
    (last,) = (killed / "trials").glob("random-*-refit")
    shutil.rmtree(last)  # as if the process had been killed before, when this training was to begin
    config = settings(run_dir, few, killed, resume=True, **MADE)
    process = Process(stopped_at, config, 4, log=tmp_path / "log.txt")
    assert process.finish() == -signal.SIGKILL, process.messages
    assert (last / "checkpoints" / "step-3").is_dir()
    assert not (killed / "finetune.json").exists()
    finetune(config)
    whole, resumed = (logits_and_metrics(output) for output in (made[1], killed))
    np.testing.assert_array_equal(whole[0], resumed[0])
    assert whole[1:] == resumed[1:]


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(run_dir, few, tmp_path, monkeypatch):
    from aag_tf.finetuning import training

    config = settings(run_dir, few, tmp_path / "out", steps=60)  # a look every third step
    steps = training.train_steps

    def interrupted(*arguments):
        for step, loss in steps(*arguments):
            if step == 7:
                signal.raise_signal(signal.SIGINT)
            yield step, loss

    monkeypatch.setattr(training, "train_steps", interrupted)
    with pytest.raises(StoppedError, match=r"^stopped at step 7 of 60 of fine-tuning at 0.01; the same") as stop:
        finetune(config)
    assert stop.value.exit_code == 130
    assert (tmp_path / "out" / "trials" / "encoder-0.01" / "checkpoints" / "step-7").is_dir()


def test_it_goes_on_only_with_the_same_settings_encoder_and_images(made, run_dir, few, tmp_path):
    _, output = made
    with pytest.raises(FinetuneError, match="already exists; add --resume to continue it, --overwrite"):
        finetune(settings(run_dir, few, output, **MADE))
    with pytest.raises(FinetuneError, match=r"was begun with \(--batch_size was 12; --seed was 4\); give those"):
        finetune(settings(run_dir, few, output, resume=True, **MADE | {"seed": 5, "batch_size": 13}))
    with pytest.raises(FinetuneError, match="holds nothing to resume; leave --resume out"):
        finetune(settings(run_dir, few, tmp_path / "new", resume=True, **MADE))
    before = (output / "classifier.keras").read_bytes()
    result = finetune(settings(run_dir, few, output, resume=True, **MADE))  # finished: the same once more
    assert result.chosen.steps_done > 0
    assert len((output / "classifier.keras").read_bytes()) == len(before)


def test_a_dry_run_says_classes_splits_and_choices_and_writes_nothing(run_dir, few, tmp_path):
    config = settings(run_dir, few, tmp_path / "out", dry_run=True, scratch=True, refit=True, learning_rates="0.01,0.1")
    text = str(plan(config))
    for words in (
        "resized to 8x8 gray (as the encoder takes them)",
        "3: 0 (24), 1 (10), 2 (6) beside the test split; the encoder learned from no label, so that new classes are",
        "32 to learn from and 8 held out (--held_out_fraction); 10 to report on",
        "2 trainings from the linear probe and 2 from random weights (--noscratch), each of 6 steps (--steps)",
        "none ends early (--patience); the chosen ones again on held-out images too (--norefit)",
        "cross-entropy on the 8 held-out images, every class counting equally: learning rate of 2 (--learning_rates)",
    ):
        assert words in text
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="--dry_run trains nothing"):
        finetune(config)
