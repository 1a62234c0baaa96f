"""From a command line to a config: the only place that reads absl's flags."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TypeVar

from absl import flags

from aag_tf.config import (
    ContactSheetConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    SearchConfig,
    TrainConfig,
    from_flat,
    leaves,
)
from aag_tf.flags import (
    augment,
    compare,
    contact_sheet,
    data,
    embed,
    evaluate,
    export,
    judge,
    loss,
    model,
    optimizer,
    recipe,
    run,
    schedule,
    search,
)
from aag_tf.flags.help_text import full_help, grouped_help
from aag_tf.flags.refusals import sentence
from aag_tf.utils.errors import ConfigError

Config = TypeVar("Config")

CONCERNS: dict[type, tuple[ModuleType, ...]] = {
    TrainConfig: (data, augment, model, loss, optimizer, schedule, run),
    EvaluateConfig: (evaluate, judge),
    ExportConfig: (export,),
    EmbedConfig: (embed,),
    SearchConfig: (search,),
    ContactSheetConfig: (contact_sheet, data, augment),
}


def define(config_type: type, flag_values: flags.FlagValues) -> None:
    """Defines one flag for every setting of `config_type`, and those that every command has."""
    for concern in CONCERNS[config_type]:
        concern.define(flag_values)
    flags.DEFINE_string(
        "flagfile", "", "Read flags from this file, one a line; flags after it override it.", flag_values=flag_values
    )
    if config_type is TrainConfig:
        flags.DEFINE_string(
            "recipe", None, "Read the flags of a packaged recipe; flags after it override it.", flag_values=flag_values
        )
    flags.DEFINE_bool("help", False, "Show this help.", flag_values=flag_values)
    flags.DEFINE_bool("helpfull", False, "Show every flag as absl lists it, file by file.", flag_values=flag_values)


def config_from_flags(config_type: type[Config], flag_values: flags.FlagValues) -> Config:
    """The config that parsed flags describe.

    Raises:
        ConfigError: a value is out of its range, or contradicts another.
    """
    return from_flat(config_type, {name: flag_values[name].value for name in leaves(config_type)})


def parse(argv: Sequence[str], config_type: type[Config], *, usage: str) -> Config:
    """Reads a command line, or shows help and exits.

    Args:
        argv: the program's name and its arguments.
        config_type: a key of `CONCERNS`.
        usage: what `--help` opens with.

    Raises:
        ConfigError: a flag is unknown, has no or a bad value, or an argument is not a flag.
        SystemExit: help was asked for.
    """
    flag_values = flags.FlagValues()
    define(config_type, flag_values)
    arguments = list(argv[1:])
    _show_help(arguments, config_type, flag_values, usage)
    if "recipe" in flag_values:
        arguments = recipe.expand(arguments)
    if "compare" in flag_values:
        arguments = compare.join(arguments)
    try:
        stray = flag_values([argv[0], *arguments])[1:]
    except flags.Error as error:
        raise ConfigError(sentence(error, flag_values)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("--flagfile cannot be read: it is no text file; name a file with one flag a line.") from error
    except ValueError as error:  # what absl makes of --noflip=1
        raise ConfigError(f"a flag is written wrong ({error}); switches are --name and --noname.") from error
    if stray:
        raise ConfigError(f"{stray[0]!r} is not a flag; write settings as --name=value (--help lists them).")
    recipe.refuse_within_file(flag_values)
    return config_from_flags(config_type, flag_values)


def _show_help(arguments: Sequence[str], config_type: type, flag_values: flags.FlagValues, usage: str) -> None:
    # Looked for before parsing: someone who asks for help may well have another flag wrong.
    if {"--helpfull", "-helpfull"} & set(arguments):
        print(full_help(flag_values, usage))
        sys.exit(0)
    if {"--help", "-help", "-h", "--helpshort"} & set(arguments):
        known = recipe.recipes() if config_type is TrainConfig else {}
        headlines = {name: recipe.headline(path) for name, path in known.items()}
        print(grouped_help(CONCERNS[config_type], flag_values, usage, headlines))
        sys.exit(0)
