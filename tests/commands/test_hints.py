"""Every command that a command advises is run as it was printed: for labeled and unlabeled images and odd names."""

import re
import shlex

import numpy as np
import pytest
from command_runs import FAST, ended
from PIL import Image

pytestmark = pytest.mark.usefixtures("shallow")

HINT = re.compile(r"with: (aag-.*)$", re.MULTILINE)


def hints(text):
    """The commands that a text advises, each as a shell would split it."""
    return [shlex.split(found) for found in HINT.findall(text)]


def save_pictures(root, *names):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), number * 5, np.uint8)).save(root / name)


ODD = "my 'odd' \"run\" $HOME #1"


@pytest.mark.parametrize(
    "case",
    [
        ("plain", ["1.png", "2.png"], (), ["--measures=unlabeled", "--split=validation"]),
        (ODD, ["a/1.png", "b/1.png", "b/2.png"], (), []),
        ("few", ["a/1.png", "b/1.png"], ("--validation_fraction=0",), []),
        ("none_left", ["1.png"], ("--validation_fraction=0",), None),
        (ODD, ["1.png", "2.png"], ("--monitor_dataset=digits", "--knn_every_epochs=1"), ["--dataset=digits"]),
        ("parts", ["train/a/1.png", "train/b/1.png", "test/1.png"], (), []),
    ],
)
def test_the_command_after_training_works(case, tmp_path, capsys, monkeypatch):
    run_dir, pictures, flags, hint = case
    images = tmp_path / f"images of {run_dir}"
    count = 6 if run_dir == "few" else 12
    save_pictures(images, *(name.replace(".png", f"_{n}.png") for name in pictures for n in range(count)))
    path = tmp_path / run_dir
    arguments = ("aag-train", f"--dataset=folder:{images}", f"--run_dir={path}", *FAST, *flags)
    code, text = ended(capsys, monkeypatch, *arguments)
    assert code == 0, text
    (advised,) = hints(text)
    if hint is None:
        assert advised == ["aag-export", f"--run_dir={path}", f"--export_dir={path / 'saved_model'}"]
    else:
        assert advised == ["aag-evaluate", f"--run_dir={path}", *hint]
    # The others only save time.
    others = ["--noverify", "--signatures=serving_default"] if hint is None else ["--noreport", "--baselines=none"]
    code, text = ended(capsys, monkeypatch, *advised, *others)
    assert code == 0, text


def test_an_interrupted_run_of_any_name_goes_on_by_its_hint(tmp_path, capsys, monkeypatch):
    from aag_tf import training

    path = tmp_path / ODD
    arguments = ("aag-train", f"--run_dir={path}", *FAST)
    whole = training.train

    def interrupted(config):
        from training_runs import StopAfter

        return whole(config, callbacks=[StopAfter(1)])

    monkeypatch.setattr(training, "train", interrupted)
    code, text = ended(capsys, monkeypatch, *arguments)
    assert code == 130
    monkeypatch.setattr(training, "train", whole)
    (advised,) = hints(text)
    code, text = ended(capsys, monkeypatch, *advised)
    assert code == 0, text
    assert "Trained for 2 steps" in text


def test_a_missing_run_is_made_by_the_command_in_the_refusal(tmp_path, capsys, monkeypatch):
    path = tmp_path / ODD
    for command in (["aag-evaluate", f"--run_dir={path}"], ["aag-export", f"--run_dir={path}", "--export_dir=x"]):
        code, text = ended(capsys, monkeypatch, *command)
        assert code == 1
        assert hints(text) == [["aag-train", f"--run_dir={path}"]]


def test_the_same_command_with_an_advised_flag_is_taken(tmp_path, capsys, monkeypatch):
    arguments = ("aag-train", f"--run_dir={tmp_path / ODD}", *FAST)
    assert ended(capsys, monkeypatch, *arguments)[0] == 0
    code, text = ended(capsys, monkeypatch, *arguments)
    assert code == 1
    for flag in ("--resume", "--overwrite"):
        assert f"{flag} " in text
        code, answer = ended(capsys, monkeypatch, *arguments, flag)
        assert code == 0, answer
