"""Runs commands in the process of the tests, as their console scripts do."""

import sys

import pytest

from aag_tf.commands import augment, embed, evaluate, export, finetune, pack, predict, search, train

MAIN = {
    **{"aag-train": train, "aag-evaluate": evaluate, "aag-export": export, "aag-embed": embed, "aag-search": search},
    **{"aag-pack": pack, "aag-augment": augment, "aag-finetune": finetune, "aag-predict": predict},
}
# A training of seconds, on any images.
FAST = (
    *("--encoder=tiny", "--width=0.125", "--projector_width=8", "--projector_dim=4", "--train_steps=2"),
    *("--global_batch_size=4", "--projector_images=0", "--jit_compile=off", "--noflip", "--aux=none"),
    *("--knn_every_epochs=0", "--projector_depth=1"),
)


def shallow_tiny(patch):
    """Makes `--encoder=tiny` a network of one block, since most of a short run is tracing layers; `patch` undoes it."""
    from aag_tf.encoders import RESNETS, ResNetSpec

    patch.setitem(RESNETS, "tiny", ResNetSpec(blocks=(1,), channels=32, stem_stride=2))


def ended(capsys, monkeypatch, *argv):
    """Runs a command; returns its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", list(argv))
    with pytest.raises(SystemExit) as end:
        MAIN[argv[0]].run()
    captured = capsys.readouterr()
    return end.value.code, captured.out + captured.err
