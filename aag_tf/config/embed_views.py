"""How many fixed views of an image an embedding may be the mean of (`aag_tf.encoders.embed_views` cuts them)."""

from aag_tf.config.checks import require

EMBED_VIEWS = (1, 2, 5, 10)
MIRRORED = (2, 10)  # have mirrored views
VIEWS_FORM = "1, 2, 5 or 10"
VIEWS_HELP = (
    "1 the image itself, 2 it and its mirror image, 5 it and its four corners (7/8 of each side, enlarged), 10 those "
    "five and their mirror images. An embedding takes as many encoder passes. 2 and 10 are for runs that were trained "
    "with flips."
)


def views_note(count: int) -> str:
    """Returns what an embedding is and costs, in a sentence; empty for one view."""
    if count == 1:
        return ""
    return f"An embedding is the mean over {count} fixed views of an image, and takes {count} encoder passes."


def check_embed_views(count: int, label: str = "--embed_views") -> None:
    """Checks that there is such a set of views.

    Raises:
        ConfigError: there is none.
    """
    require(count in EMBED_VIEWS, f"{label}={count} is no set of views; it must be {VIEWS_FORM}.")


def check_mirrored(count: int, *, flip: bool) -> None:
    """Checks that views are not mirrored where mirror images are other images.

    Args:
        count: of the views.
        flip: whether the training mirrored its views.

    Raises:
        ConfigError: they are.
    """
    unmirrored = " or ".join(str(other) for other in EMBED_VIEWS if other not in MIRRORED)
    require(
        flip or count not in MIRRORED,
        f"--embed_views={count} has mirror images, and the run was trained without them, as where left and right "
        f"differ; give --embed_views={unmirrored}.",
    )
