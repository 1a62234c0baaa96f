"""Defines absl's flags from the declarations of the settings in `aag_tf.config`."""

from collections.abc import Callable
from typing import Any

from absl import flags

from aag_tf.config import Setting, groups
from aag_tf.flags.recipe import recipes

# Choices and ranges are left to the configs, which check values from Python and from flags alike.
DEFINE: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def define(config_type: type, flag_values: flags.FlagValues) -> None:
    """Defines a flag for every setting of `config_type` and for its old names, and the flags of every command."""
    for group, settings in groups(config_type).items():
        place = {"flag_values": flag_values, "module_name": group.__module__}
        for name, setting in settings.items():
            DEFINE[setting.kind](name, setting.default, _absl_help(setting), **place)
            for alias in setting.aliases:
                flags.DEFINE_alias(alias, name, **place)
    flags.DEFINE_string(
        "flagfile", "", "Read flags from this file, one a line; flags after it override it.", flag_values=flag_values
    )
    if recipes(config_type):
        flags.DEFINE_string(
            "recipe", None, "Read the flags of a packaged recipe; flags after it override it.", flag_values=flag_values
        )
    flags.DEFINE_bool("help", False, "Show this help.", flag_values=flag_values)
    flags.DEFINE_bool("helpfull", False, "Show every flag as absl lists it, file by file.", flag_values=flag_values)


def _absl_help(setting: Setting) -> str:
    allowed = ", ".join(setting.choices) or setting.bounds
    return f"{setting.help} Allowed: {allowed}." if allowed else setting.help
