"""What absl says about a bad flag, as one sentence: what was wrong, what is allowed, what to do."""

import re

from absl import flags

NOT_OF_KIND = {
    "int": "is not a whole number; --help says which are allowed.",
    "float": "is not a number; --help says which are allowed.",
    "bool": "is neither true nor false; write --{name} or --no{name}.",
}


def sentence(error: flags.Error, flag_values: flags.FlagValues) -> str:
    """One line for any error that absl raises while it parses a command line."""
    text = " ".join(str(error).split())
    if isinstance(error, flags.UnrecognizedFlagError):
        return _unknown(error.flagname, text)
    if isinstance(error, flags.CantOpenFlagFileError):
        # "ERROR:: Unable to open flagfile: [Errno 2] No such file or directory: 'name'"
        reason = text.partition("] ")[2].replace(": ", " (", 1) + ")"
        return f"--flagfile cannot be read: {reason[0].lower()}{reason[1:]}; name a file with one flag a line."
    refused = re.match(r"flag --(\w+)=(.*?): ", text)
    if isinstance(error, flags.IllegalFlagValueError) and refused:
        return _bad_value(refused[1], refused[2], flag_values)
    return f"{text[0].lower()}{text[1:]}; write it as --name=value (--help lists all flags)."


def _unknown(name: str, text: str) -> str:
    meant = re.search(r"Did you mean: (.*?) ?\?", text)
    near = " or ".join(f"--{near}" for near in meant[1].split(", ")) if meant else ""
    return f"--{name} is not a flag; " + (f"did you mean {near}?" if near else "--help lists all flags.")


def _bad_value(name: str, value: str, flag_values: flags.FlagValues) -> str:
    flag = flag_values[name]
    choices = getattr(flag.parser, "enum_values", None)
    if choices:
        return f"--{name}={value} is not known; choose one of {', '.join(choices)}."
    return f"--{name}={value} {NOT_OF_KIND[flag.flag_type()].format(name=name)}"
