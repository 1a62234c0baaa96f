"""A command advises flags that it has; where a message names another command's, it says whose they are."""

import ast
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from command_runs import ended
from small_runs import make_run, save_images

import aag_tf
from aag_tf.commands._advice import FLAG, SHARED, advised_by
from aag_tf.commands._app import run_command
from aag_tf.config import leaves
from aag_tf.flags.commands import COMMANDS
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger

ROOT = Path(aag_tf.__file__).parents[1]
OF_OTHERS = {
    "stdout",
    "decompress",
    "dereference",
    "hard",
    "no",
    "name",
    "noname",
    "helpshort",
}  # of other programs, absl, or any flag


def flags_of(command):
    settings = leaves(COMMANDS[command])
    switches = {f"no{name}" for name, setting in settings.items() if setting.kind is bool}
    return {*settings, *switches, *SHARED, "recipe"}


def texts(path):
    """The texts of a module that are no docstrings, with their lines."""
    tree = ast.parse(path.read_text())
    described = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, described) and node.body]
    docstrings = {id(each.value) for each in first if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_every_flag_that_a_message_names_is_one_of_a_command():
    known = set.union(*map(flags_of, COMMANDS)) | OF_OTHERS
    files = [path for room in ("aag_tf", "export", "flags") for path in sorted((ROOT / room).rglob("*.py"))]
    others = {"export/fresh_process.py", "export/beam.py", "export/serving/kserve_server.py"}  # programs of their own
    unknown = [
        f"{path.relative_to(ROOT)}:{line}: --{flag}"
        for path in files
        if path.relative_to(ROOT).as_posix() not in others
        for line, text in texts(path)
        for flag in FLAG.findall(text)
        if flag not in known
    ]
    assert len(files) > 100
    assert unknown == []


@pytest.mark.parametrize(
    ("command", "text", "end"),
    [
        ("aag-train", "lower --global_batch_size, or add --resume.", "."),
        ("aag-export", "export without them, with --noverify.", "."),
        (
            "aag-export",
            "add --download, or name it with --data_dir.",
            " (--download is a flag of aag-train, aag-augment, aag-evaluate, aag-finetune and aag-pack; "
            "--data_dir is a flag of aag-train, aag-augment, aag-evaluate, aag-finetune, aag-pack, aag-embed and "
            "aag-predict, not of aag-export).",
        ),
        ("aag-embed", "set --epochs and --seed", " (--epochs is a flag of aag-train; --seed is a flag of "),
        ("aag-search", "give its aag-embed command again with --resume.", "."),
        ("aag-export", "run `tfds build x --data_dir=y` there.", "."),
        ("aag-export", "--stdout of another program.", "."),
        ("aag-augment", "no flag here", "no flag here"),
    ],
)
def test_a_message_says_whose_flags_it_names(command, text, end):
    said = advised_by(text, command)
    if end in (".", text):
        assert said == text
    else:
        assert said.startswith(text.rstrip(".") + end)
        assert f"not of {command})." in said


def test_errors_and_warnings_of_a_command_go_through_it(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["aag-search"])

    def main(argv):
        logger.warning("%d pictures are dark; --value_range=%s decides.", 3, "auto")
        raise DataError("it is gone; name another with --dataset.")

    with pytest.raises(SystemExit) as end:
        run_command("aag-search", main)
    assert end.value.code == 1
    assert not any(handler.filters for handler in logger.handlers)
    assert capsys.readouterr().err.splitlines() == [
        "3 pictures are dark; --value_range=auto decides (--value_range is a flag of aag-train, aag-augment and "
        "aag-pack, not of aag-search).",
        "aag-search: it is gone; name another with --dataset (--dataset is a flag of aag-train, aag-augment, "
        "aag-evaluate, aag-finetune and aag-pack, not of aag-search).",
    ]


def pictures(root):
    return save_images(root / "data.npz", labels=np.arange(40) % 2)


@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
def test_an_export_whose_images_moved_advises_what_it_takes(weights, tmp_path, capsys, monkeypatch):
    make_run(tmp_path / "run", pictures(tmp_path))
    shutil.move(tmp_path / "data.npz", tmp_path / "moved.npz")
    arguments = ("aag-export", f"--run_dir={tmp_path / 'run'}", f"--export_dir={tmp_path / 'served'}")
    code, text = ended(capsys, monkeypatch, *arguments, f"--weights={weights}")
    assert code == 1
    without = {"float32": "--noverify", "bfloat16": "--weights=float32 --noverify"}[weights]
    assert text.strip() == (
        f"aag-export: the images of the run, which verify the export, cannot be read: {tmp_path / 'data.npz'} is not a "
        f"file; put them back, or export without them, with {without}."
    )
    assert set(FLAG.findall(text)) <= flags_of("aag-export")
    code, text = ended(
        capsys, monkeypatch, *arguments, f"--weights={weights}", "--dry_run", *re.findall(r"--\S+?(?=[\s.])", text)
    )
    assert code == 0, text


def test_an_export_from_another_directory_says_where_the_path_begins(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures(Path())
    make_run(tmp_path / "run", "npz:data.npz")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, text = ended(capsys, monkeypatch, "aag-export", "--run_dir=../run", "--export_dir=served")
    assert code == 1
    assert "give the command in the directory of the training, from which that path goes, or put them back" in text
    assert not (tmp_path / "elsewhere/served").exists()
