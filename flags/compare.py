"""`--compare RUN RUN ...`, the one flag that takes several arguments, since shells expand `runs/*` to them."""

from collections.abc import Sequence


def join(arguments: Sequence[str]) -> list[str]:
    """Rewrites `--compare RUN RUN ...` as `--compare=RUN,RUN,...`; the next flag ends the list."""
    joined: list[str] = []
    listing = False
    for argument in arguments:
        if argument.startswith("-"):
            listing = argument.partition("=")[0].lstrip("-") == "compare"
            joined.append(f"{argument}=" if listing and "=" not in argument else argument)
        elif listing:
            joined[-1] += argument if joined[-1].endswith("=") else f",{argument}"
        else:
            joined.append(argument)
    return joined
