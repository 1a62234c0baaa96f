"""Runs commands in the process of the tests, as their console scripts do."""

import sys

import pytest

from aag_tf.commands import embed, evaluate, export, search, train

MAIN = {"aag-train": train, "aag-evaluate": evaluate, "aag-export": export, "aag-embed": embed, "aag-search": search}
# A training of seconds, on any images.
FAST = (
    *("--encoder=tiny", "--width=0.125", "--projector_width=8", "--projector_dim=4", "--train_steps=2"),
    *("--global_batch_size=4", "--projector_images=0", "--jit_compile=off", "--noflip", "--aux=none"),
)


def ended(capsys, monkeypatch, *argv):
    """Runs a command; returns its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", list(argv))
    with pytest.raises(SystemExit) as end:
        MAIN[argv[0]].run()
    captured = capsys.readouterr()
    return end.value.code, captured.out + captured.err
