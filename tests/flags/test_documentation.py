"""Every command line that the documentation shows is one that the commands take."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from aag_tf import flags
from aag_tf.config import leaves
from aag_tf.flags.commands import COMMANDS
from aag_tf.utils import stores

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^ *(?:\$ |[A-Z_]+=\S+ )*(aag-[a-z]+ (?:.*\\\n)*.*)", re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def command_lines(text):
    """Command lines that open a line, less what a comment adds and a shell appends."""
    for found in COMMAND.findall(text):
        line = shlex.split(found.replace("\\\n", " "), comments=True)
        yield line[: next((i for i, word in enumerate(line) if word in ("&&", "||", "|", ">", "&", ";")), None)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_shown_in_a_document_are_taken(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stores, "fetched", lambda address: Path(address).absolute())
    text = document.read_text()
    for name in re.findall(r"--flagfile=(\S+)", text):  # documents go on with a run by its own flags
        recorded = Path(name.strip("`"))
        recorded.parent.mkdir(parents=True, exist_ok=True)
        recorded.write_text("--dataset=digits\n")
    for line in command_lines(text):
        if line[1:] != ["--help"]:
            flags.parse(line, COMMANDS[line[0]], usage="")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_shown_by_help_are_taken(command):
    module = importlib.import_module(command.replace("aag-", "aag_tf.commands."))
    lines = list(command_lines(module.__doc__))
    assert lines
    for line in lines:
        assert line[0] == command
        flags.parse(line, COMMANDS[command], usage="")


def test_command_lines_are_found_whole():
    text = "Run\n  aag-train --recipe=demo \\\n      --seed=1  # or 2\n    $ aag-embed --input='my images' | tee log\n"
    assert list(command_lines(text)) == [["aag-train", "--recipe=demo", "--seed=1"], ["aag-embed", "--input=my images"]]


def test_flags_that_documents_speak_of_exist():
    known = {"compare", "flagfile", "help", "helpfull", "recipe"}
    known |= {"logdir", "requeue", "runner", "signal"}  # TensorBoard's, Slurm's and Beam's
    for config in COMMANDS.values():
        known |= {*leaves(config), *(f"no{name}" for name in leaves(config))}
    for script in [*(ROOT / "benchmarks").glob("*.py"), ROOT / "export" / "serving" / "kserve_server.py"]:
        known |= set(re.findall(r'"--([a-z_]+)"', script.read_text()))
    for document in DOCUMENTS:
        spoken_of = set(re.findall(r"`--([a-z_]+)[=`]", document.read_text()))
        assert spoken_of <= known, (document.relative_to(ROOT), spoken_of - known)
