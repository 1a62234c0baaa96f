"""What TensorBoard shows of a run before its first step: its flags, and images beside their views."""

from typing import Any

import keras
from typing_extensions import override

from aag_tf import config as configs
from aag_tf.augment.contact_sheet import contact_sheet, in_cells
from aag_tf.config import MAIN_VIEWS, TrainConfig
from aag_tf.data import Images, choose_bands
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter

PREVIEW_IMAGES = 8
ROWS = "each row: the image, its two main views, its auxiliary views"


class Preview(keras.callbacks.Callback):
    """Writes the flags as text and a contact sheet of the first images at the beginning of training.

    Args:
        events: receives both.
        config: the settings of the run.
        images: of the train split.
    """

    def __init__(self, events: TensorBoardWriter, config: TrainConfig, images: Images) -> None:
        super().__init__()
        self.events = events
        self.config = config
        self.images = images

    @override
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.events.write_text("flags", "```\n" + "\n".join(configs.flag_lines(self.config)) + "\n```")
        count = min(PREVIEW_IMAGES, len(self.images))
        images = self.images.numpy(range(count))
        maker, seed = self.model.views, self.config.schedule.seed
        views = in_cells(maker(maker.batch_of(self.images, range(count), seed=seed), seed=seed)["views"])
        headings = ["original", "main", "main"] + ["auxiliary"] * (views.shape[1] - MAIN_VIEWS)
        bands = choose_bands(images.shape[-1], self.config.data.reading.shown_bands)
        self.events.write_picture(
            "views",
            contact_sheet(bands.picture(images), bands.picture(views.numpy()), headings),
            step=0,
            description="; ".join(filter(None, [ROWS, bands.caption])),
        )
