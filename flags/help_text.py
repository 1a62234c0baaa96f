"""What `--help` prints: how to call the command, its recipes, and its flags in groups."""

import inspect
from collections.abc import Mapping

from aag_tf.config import Setting, groups
from aag_tf.utils.text import text_width, wrapped

FLAGFILE = (
    "--flagfile=FILE reads flags from a file, one a line as --name=value. A comment begins with `# `, behind a value "
    "with a space before it, so that `#1` may be part of a name. A value in single or double quotes is taken as it is. "
    "--helpfull lists every flag with its type."
)


def grouped_help(config_type: type, usage: str, headlines: Mapping[str, str]) -> str:
    """The help of a command.

    Args:
        config_type: config of the command; every config class below it is a group.
        usage: the text on top.
        headlines: what each recipe is for, by its name.
    """
    width = text_width()
    sections = [inspect.cleandoc(usage)]
    if headlines:
        column = max(map(len, headlines)) + 2
        lines = [wrapped(f"{name:{column}}{text}", width, 2, column + 4) for name, text in headlines.items()]
        sections.append("Recipes (--recipe=NAME; flags after it override it):\n" + "\n".join(lines))
    for group, settings in groups(config_type).items():
        entries = [
            f"{wrapped(synopsis(name, setting), width, 2, 10)}\n{wrapped(setting.help, width, 6, 6)}"
            for name, setting in settings.items()
        ]
        sections.append("\n".join([wrapped(f"{title(group)}:", width, 0, 2), *entries]))
    sections.append(wrapped(FLAGFILE, width, 0, 2))
    return "\n\n".join(sections)


def title(group: type) -> str:
    """The title of a group of flags: the first line of the docstring of its config class, without the full stop."""
    return inspect.cleandoc(group.__doc__ or "").splitlines()[0].rstrip(".")


def synopsis(name: str, setting: Setting) -> str:
    """A flag with what may be given and its default, such as `--epochs=N (1 or more; default: 100)`."""
    if setting.kind is bool:
        return f"--[no]{name} (default: {default_text(setting)})"
    kind = {int: "N", float: "X", str: "TEXT"}[setting.kind]
    if setting.several:
        kind = "NAME,..." if setting.choices else "X,..."
    elif setting.choices:
        kind = "|".join(setting.choices)
    facts = {
        setting.bounds: bool(setting.bounds),
        "separated by commas": setting.several,
        "must be given": setting.required,
        f"default: {default_text(setting)}": bool(default_text(setting)),
    }
    notes = "; ".join(fact for fact, holds in facts.items() if holds)
    return f"--{name}={kind} ({notes})" if notes else f"--{name}={kind}"


def default_text(setting: Setting) -> str:
    """The default as it is written on the command line; empty where there is none."""
    if setting.kind is bool:
        return "on" if setting.default else "off"
    return "" if setting.default is None else str(setting.default)
