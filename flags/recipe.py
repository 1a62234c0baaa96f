"""Recipes: flagfiles that ship with the package, so that `--recipe=NAME` works in any directory."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from aag_tf.config import FinetuneConfig, TrainConfig
from aag_tf.flags.commands import COMMANDS
from aag_tf.utils.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"
FOLDERS = {TrainConfig: RECIPES, FinetuneConfig: RECIPES / "finetune"}  # of the commands that take recipes


def recipes(config_type: type = TrainConfig) -> dict[str, Path]:
    """Returns the flagfile of every packaged recipe of a command by the name of the recipe.

    Args:
        config_type: config of the command.
    """
    if config_type not in FOLDERS:
        return {}
    return {path.stem: path for path in sorted(FOLDERS[config_type].glob("*.flags"), key=lambda path: path.stem)}


def headline(path: Path) -> str:
    """Returns the first line of a recipe, which says what it is for, without the comment sign."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").rstrip()


def expand(arguments: Sequence[str], config_type: type) -> list[str]:
    """Replaces `--recipe=NAME` by `--flagfile=<path>`, so that flags after it override the recipe's.

    Args:
        arguments: of the command line.
        config_type: config of the command.

    Raises:
        ConfigError: the command has no such recipe.
    """
    expanded = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name in ("--recipe", "-recipe"):
            expanded.append(f"--flagfile={_path(value if equals else next(remaining, ''), config_type)}")
        else:
            expanded.append(argument)
    return expanded


def refuse_within_file(flag_values: flags.FlagValues) -> None:
    """Rejects `--recipe` in a flagfile, where it has no effect, since recipes are replaced before parsing.

    Raises:
        ConfigError: a flagfile sets it.
    """
    if "recipe" in flag_values and flag_values["recipe"].value is not None:
        raise ConfigError(
            f"--recipe={flag_values['recipe'].value} stands in a flagfile, and is for the command line; name it there, "
            "before --flagfile."
        )


def _path(name: str, config_type: type) -> Path:
    known = recipes(config_type)
    if name not in known:
        for command, other in COMMANDS.items():
            if name in recipes(other):
                raise ConfigError(f"--recipe={name} is for {command}; choose one of {', '.join(known)}.")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}, or --flagfile=<file>."
        raise ConfigError(f"--recipe={name} is not known; {hint}")
    return known[name]
