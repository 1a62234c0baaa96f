"""`--dataset=A --dataset=B`: the one flag that may be given again on a command line, which joins its values."""

from collections.abc import Sequence

NAME = "dataset"


def join(arguments: Sequence[str]) -> list[str]:
    """Rewrites `--dataset=A ... --dataset=B` as one `--dataset=A,B`, in the place of the last.

    Flagfiles are not looked into: what stands in one is replaced by a flag after it, as always.
    """
    values: list[str] = []
    place = 0
    others: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            others += [argument, *remaining]
            break
        name, equals, value = argument.partition("=")
        if name not in (f"--{NAME}", f"-{NAME}"):
            others.append(argument)
            continue
        given = value if equals else next(remaining, None)
        if given is None:  # the last argument, without a value
            others.append(argument)
        else:
            values.append(given)
            place = len(others)
    return list(arguments) if len(values) < 2 else [*others[:place], f"--{NAME}={','.join(values)}", *others[place:]]
