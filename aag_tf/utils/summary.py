"""A block of titled lines."""

import dataclasses

from aag_tf.utils.text import Lines


@dataclasses.dataclass(frozen=True)
class Summary:
    """Lines of `name` and text; as text, a block of them.

    Args:
        title: what the lines are about.
        lines: `{name: text}`, in order.
    """

    title: str
    lines: dict[str, str]

    def __str__(self) -> str:
        """The block, one line for each name."""
        width = max(map(len, self.lines))
        return str(Lines(self.title, *(f"  {name:{width}}  {text}" for name, text in self.lines.items())))
