"""Recipes: flagfiles that ship with the package, so that `--recipe=NAME` works in any directory."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from aag_tf.utils.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"


def recipes() -> dict[str, Path]:
    """Every packaged recipe by its name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.flags"), key=lambda path: path.stem)}


def headline(path: Path) -> str:
    """What a recipe is for: its first line, without the comment sign."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").rstrip()


def expand(arguments: Sequence[str]) -> list[str]:
    """Puts `--flagfile=<path>` where `--recipe=NAME` stands, so that flags after it override the recipe's.

    Raises:
        ConfigError: there is no such recipe.
    """
    expanded = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name in ("--recipe", "-recipe"):
            expanded.append(f"--flagfile={_path(value if equals else next(remaining, ''))}")
        else:
            expanded.append(argument)
    return expanded


def refuse_within_file(flag_values: flags.FlagValues) -> None:
    """Refuses a recipe that only parsing found, in a flagfile, where it would have no effect.

    Raises:
        ConfigError: there is one.
    """
    if "recipe" in flag_values and flag_values["recipe"].value is not None:
        raise ConfigError(
            f"--recipe={flag_values['recipe'].value} stands in a flagfile, and is for the command line; name it there, "
            "before --flagfile."
        )


def _path(name: str) -> Path:
    known = recipes()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}, or --flagfile=<file>."
        raise ConfigError(f"--recipe={name} is not known; {hint}")
    return known[name]
