"""Which weights a run starts from, and how they are moved."""

import dataclasses

from aag_tf.config.setting import check_settings, setting

IMAGENET = "imagenet"


def read_freeze_until(text: str) -> str | float:
    """Reads the name of a layer, or a share of the encoder's layers.

    Raises:
        ValueError: it is a number that is no share.
    """
    try:
        share = float(text)
    except ValueError:
        return text
    if not 0.0 < share < 1.0:
        raise ValueError("is not a share")
    return share


@dataclasses.dataclass(frozen=True)
class StartConfig:
    """Start: the weights that a run begins with, and how gently they are moved."""

    init_from: str | None = setting(
        None,
        "Start from these weights in place of random ones: a run directory (encoder, and projector if it fits), an "
        "export with a file for Keras (aag-export --formats=keras), a .keras or .weights.h5 file, or imagenet (what "
        "Keras has for --encoder, from its cache, or with --download from the network; or the path of such a file). A "
        "network without a name here is taken as it is with --encoder=own.",
        if_empty="name a run directory, an export, a file, or imagenet",
        is_path=True,
    )
    extend: str | None = setting(
        None,
        "Make the run in this directory longer, as a new run: go on from where its learning rate was still constant "
        "(--lr_schedule=wsd), with its optimizer, its order of images and all its settings (--flagfile=RUN/flags.txt), "
        "to --train_steps or --epochs, counted from its beginning. --init_from is not opened then.",
        if_empty="name a run directory",
        is_path=True,
    )
    freeze_until: str | None = setting(
        None,
        "Leave the first layers of the encoder as they are, batch norm with its statistics: up to the layer of this "
        "name, or this share of its layers with weights, such as 0.5. For --init_from.",
        if_empty="name a layer of the encoder, or a share such as 0.5",
        form="the name of a layer, or a share above 0 and below 1",
        read=read_freeze_until,
    )
    layer_decay: float = setting(
        1.0,
        "Layers close to the images learn more slowly: the encoder's layers form 12 groups, of which the last has the "
        "whole learning rate, and each before it this factor of the next one's. Usual: 0.7 to 0.9. For --init_from.",
        low=0.0,
        high=1.0,
        low_open=True,
    )
    init_warmup_steps: int = setting(
        0,
        "First steps in which only new parts learn (a projector that starts from random weights), so that their large "
        "gradients do not destroy the encoder. Usual: 1 to 5 % of the steps. For --init_from.",
        low=0,
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def gentle(self) -> list[str]:
        """The settings that only weights worth keeping need, as they are given."""
        flags = {
            "freeze_until": self.freeze_until is not None,
            "layer_decay": self.layer_decay != 1.0,
            "init_warmup_steps": self.init_warmup_steps > 0,
        }
        return [f"--{name}={getattr(self, name)}" for name, given in flags.items() if given]
