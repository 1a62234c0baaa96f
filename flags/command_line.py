"""From a command line to a config: the only place that reads absl's flags."""

import inspect
import sys
from collections.abc import Sequence
from typing import TypeVar

from absl import flags

from aag_tf.config import from_flat, leaves
from aag_tf.flags import compare, flagfile, recipe, repeated, stored_flagfile
from aag_tf.flags.definitions import define
from aag_tf.flags.help_text import grouped_help
from aag_tf.flags.refusals import sentence
from aag_tf.utils.errors import ConfigError

Config = TypeVar("Config")


def parse(argv: Sequence[str], config_type: type[Config], *, usage: str) -> Config:
    """Reads a command line, or shows help and exits.

    Args:
        argv: the program's name and its arguments.
        config_type: config of the command.
        usage: what `--help` opens with.

    Raises:
        ConfigError: a flag is unknown, has no or a bad value, contradicts another, or an argument is not a flag.
        SystemExit: help was asked for.
    """
    flag_values = flags.FlagValues()
    define(config_type, flag_values)
    arguments = list(argv[1:])
    _show_help(arguments, config_type, flag_values, usage)
    settings = leaves(config_type)
    if "recipe" in flag_values:
        arguments = recipe.expand(arguments, config_type)
    if repeated.NAME in settings:
        arguments = repeated.join(arguments)
    arguments = flagfile.expand(stored_flagfile.local(arguments))
    if "compare" in settings:
        arguments = compare.join(arguments)
    try:
        stray = flag_values([argv[0], *arguments])[1:]
    except flags.Error as error:
        raise ConfigError(sentence(error, settings)) from error
    except ValueError as error:  # what absl makes of --noflip=1
        raise ConfigError(f"a flag is written wrong ({error}); switches are --name and --noname.") from error
    if stray:
        raise ConfigError(f"{stray[0]!r} is not a flag; write settings as --name=value (--help lists them).")
    recipe.refuse_within_file(flag_values)
    return from_flat(config_type, {name: flag_values[name].value for name in settings})


def _show_help(arguments: Sequence[str], config_type: type, flag_values: flags.FlagValues, usage: str) -> None:
    # Looked for before parsing: someone who asks for help may well have another flag wrong.
    if {"--helpfull", "-helpfull"} & set(arguments):
        print(f"{inspect.cleandoc(usage)}\n{flag_values.get_help()}")
        sys.exit(0)
    if {"--help", "-help", "-h", "--helpshort"} & set(arguments):
        headlines = {name: recipe.headline(path) for name, path in recipe.recipes(config_type).items()}
        print(grouped_help(config_type, usage, headlines))
        sys.exit(0)
