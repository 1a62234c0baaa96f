"""Prints the tables of all settings: `python -m aag_tf.flags.settings_table > docs/reference/settings.md`."""

from aag_tf.config import Setting, TrainConfig, groups
from aag_tf.flags.commands import COMMANDS
from aag_tf.flags.help_text import default_text, title

OPENING = """# Settings

Every flag of every command, as `--help` shows them too. In Python, the fields of the config classes have the same names
and defaults; each table names its class. This page is generated from `aag_tf/config/`:

```bash
python -m aag_tf.flags.settings_table > docs/reference/settings.md
```
"""


def settings_table() -> str:
    """Returns the page as Markdown; a group that two commands share is shown at the first one."""
    parts = [OPENING]
    shown: dict[type, str] = {}
    for command, config_type in COMMANDS.items():
        parts.append(f"## {command}\n")
        for group, settings in groups(config_type).items():
            if group in shown:
                parts.append(f"{title(group)}: as for {shown[group]}.\n")
            else:
                shown[group] = command
                parts.append(_table(group, settings, may_resume=config_type is TrainConfig))
    return "\n".join(parts)


def _table(group: type, settings: dict[str, Setting], *, may_resume: bool) -> str:
    columns = ["flag", "default", "allowed", "what it does", *(["may change on `--resume`"] if may_resume else [])]
    rows = [columns, ["---"] * len(columns)]
    for name, setting in settings.items():
        row = [f"`--{name}`", f"`{default_text(setting)}`" if default_text(setting) else "", _allowed(setting)]
        rows.append([*row, setting.help, *([("yes" if setting.resumable else "no")] if may_resume else [])])
    lines = ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows]
    stacked = ['<div class="stacked" markdown>\n', *lines, "\n</div>\n"]  # a row is a block on a narrow screen
    return "\n".join([f"### {title(group)}\n", f"In Python: `{group.__name__}`.\n", *stacked])


def _escaped(cell: str) -> str:
    """A cell as Markdown shows it: `[A][B]` would be a link."""
    return cell.replace("|", "\\|").replace("][", "]\\[")


def _allowed(setting: Setting) -> str:
    allowed = ", ".join(f"`{choice}`" for choice in setting.choices) or setting.bounds
    if setting.kind is bool:
        allowed = "on, off"
    elif not allowed:
        allowed = f"{setting.noun}, must be given" if setting.required else setting.noun
    return f"{allowed}; several separated by commas" if setting.several else allowed


if __name__ == "__main__":
    print(settings_table(), end="")
