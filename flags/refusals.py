"""What absl says about a bad flag, as one sentence: what is wrong, what is allowed, what to do."""

import difflib
import re
from collections.abc import Mapping

from absl import flags

from aag_tf.config import Setting
from aag_tf.flags.synonyms import meant_by

SIMILAR = 0.6  # of difflib's ratio, from 0 to 1; its own default
SHORTEST_PART = 3  # letters; shorter ones are in many names


def sentence(error: flags.Error, settings: Mapping[str, Setting]) -> str:
    """Returns one line for any error that absl raises while it parses a command line.

    Args:
        error: as absl raised it.
        settings: of the command, by name.
    """
    text = " ".join(str(error).split())
    if isinstance(error, flags.UnrecognizedFlagError):
        near = " or ".join(f"--{name}" for name in similar_flags(error.flagname, settings))
        return f"--{error.flagname} is not a flag; " + (f"did you mean {near}?" if near else "--help lists all flags.")
    refused = re.match(r"flag --(\w+)=(.*?): ", text)
    if isinstance(error, flags.IllegalFlagValueError) and refused and refused[1] in settings:
        return _bad_value(refused[1], refused[2], settings[refused[1]])
    return f"{text[0].lower()}{text[1:]}; write it as --name=value (--help lists all flags)."


def similar_flags(wrong: str, settings: Mapping[str, Setting]) -> list[str]:
    """At most three flags that someone may have meant, the most similar first.

    Names that other packages use (`lr`) are known. Otherwise parts of a name (`width`) and its initials are found, or
    else misspellings (`temprature`).
    """
    if synonyms := meant_by(wrong, settings):
        return synonyms[:3]
    wrong, names = wrong.replace("-", "_"), list(settings)
    if wrong.startswith("no"):
        names += [f"no{name}" for name, setting in settings.items() if setting.kind is bool]

    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, wrong, name).ratio()

    meant = [name for name in names if _is_part(wrong, name)]
    meant = meant or [name for name in names if likeness(name) >= SIMILAR]
    return sorted(meant, key=likeness, reverse=True)[:3]


def _is_part(wrong: str, name: str) -> bool:
    words = name.split("_")
    initials = "".join(word[0] for word in words)
    return wrong == initials or set(wrong.split("_")) <= set(words) or (len(wrong) >= SHORTEST_PART and wrong in name)


def _bad_value(name: str, value: str, setting: Setting) -> str:
    if setting.kind is bool:
        return f"--{name}={value} is neither true nor false; write --{name} or --no{name}."
    return setting.refusal(f"--{name}", value, f"is not {setting.noun}")
