"""What `--help` prints: how to call the command, its recipes, and its flags grouped by concern."""

import inspect
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from absl import flags

NARROWEST = 60
WIDEST = 110  # longer lines of prose are hard to follow


def grouped_help(
    concerns: Sequence[ModuleType], flag_values: flags.FlagValues, usage: str, headlines: Mapping[str, str]
) -> str:
    """The help of a command.

    Args:
        concerns: modules of `aag_tf.flags`; a module's docstring is the title of its group.
        flag_values: the flags that these modules defined.
        usage: the text on top.
        headlines: what each recipe is for, by its name.
    """
    width = max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))
    sections = [inspect.cleandoc(usage)]
    if headlines:
        column = max(map(len, headlines)) + 2
        lines = [_wrap(f"{name:{column}}{text}", width, 2, column + 4) for name, text in headlines.items()]
        sections.append("Recipes (--recipe=NAME; flags after it override it):\n" + "\n".join(lines))
    by_module = flag_values.flags_by_module_dict()
    for concern in concerns:
        entries = [_entry(flag, width) for flag in by_module[concern.__name__]]
        sections.append("\n".join([_wrap(_title(concern), width, 0, 2), *entries]))
    sections.append("--flagfile=FILE reads flags from a file; --helpfull lists every flag with its type.")
    return "\n\n".join(sections)


def full_help(flag_values: flags.FlagValues, usage: str) -> str:
    """Every flag in absl's own form, file by file."""
    return f"{inspect.cleandoc(usage)}\n{flag_values.get_help()}"


def _title(concern: ModuleType) -> str:
    return inspect.cleandoc(concern.__doc__ or "").splitlines()[0].rstrip(".") + ":"


def _entry(flag: Any, width: int) -> str:
    text = re.sub(r"^<.*?>: ", "", flag.help)  # absl repeats the choices, which the synopsis has shown
    return f"  {_synopsis(flag)}\n{_wrap(text, width, 6, 6)}"


def _synopsis(flag: Any) -> str:
    """`--name=default`, with the choices where they are few; a switch shows the form that changes it."""
    if flag.boolean:
        return f"--[no]{flag.name} (default: {'on' if flag.default else 'off'})"
    kind = {"int": "N", "float": "X"}.get(flag.flag_type(), "TEXT")
    value = "|".join(getattr(flag.parser, "enum_values", [])) or kind
    default = "" if flag.default in (None, "") else f" (default: {flag.default})"
    return f"--{flag.name}={value}{default}"


def _wrap(text: str, width: int, first: int, rest: int) -> str:
    return textwrap.fill(text, width, initial_indent=" " * first, subsequent_indent=" " * rest, break_on_hyphens=False)
