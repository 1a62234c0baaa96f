"""What is classified in bulk, with which classifier, and where the predictions go."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.embed import EmbedConfig
from aag_tf.config.setting import check_settings, setting, setting_of


@dataclasses.dataclass(frozen=True)
class PredictConfig:
    """Prediction: which classifier classifies which images, and what is written."""

    saved_model: str = setting(
        "",
        "The classifier: a directory that aag-export --classifier wrote, or one version in it. A model is a program: "
        "one that could read or write files is refused, see --trust_model.",
        if_empty="name a directory that aag-export --classifier wrote",
        is_path=True,
    )
    input: str = setting_of(EmbedConfig, "input", aliases=("dataset",))
    output: str = setting(
        "",
        "Directory for the predictions: predictions.csv, the same rows as Parquet files, and a page of the least "
        "certain. It must not hold anything yet.",
        if_empty="name the directory that the predictions may be written to",
        is_path=True,
    )
    data_dir: str | None = setting_of(EmbedConfig, "data_dir")
    image_feature: str | None = setting_of(EmbedConfig, "image_feature")
    all_probabilities: bool = setting(False, "Write the probability of every class, beside that of the label.")
    uncertain: int = setting(
        60,
        "Images on the page of those whose two most probable classes are closest, which are worth a look or a label; 0 "
        "writes no page.",
        low=0,
        high=1000,
    )
    shard_size: int = setting_of(
        EmbedConfig,
        "shard_size",
        "Images in a Parquet file. A stopped run loses at most one file's work; one file's rows are held in memory.",
    )
    batch_size: int = setting_of(
        EmbedConfig,
        "batch_size",
        "Images classified at once. Lower it if memory runs out; the probabilities change by rounding only.",
    )
    max_pixels: int | None = setting_of(
        EmbedConfig,
        "max_pixels",
        "Pixels of the largest picture that is decoded; larger ones get no label. Default: that of the training.",
    )
    read_threads: int | None = setting_of(
        EmbedConfig,
        "read_threads",
        "Threads that read and decode images while the classifier works. Default: one a CPU core; more help where "
        "files come over a network.",
    )
    follow_symlinks: bool = setting_of(EmbedConfig, "follow_symlinks")
    resume: bool = setting(
        False, "Go on with an output that was stopped, by Ctrl-C or by kill -9: no image is lost or classified twice."
    )
    overwrite: bool = setting(False, "Delete an earlier output of aag-predict in the directory and start again.")
    trust_model: bool = setting_of(EmbedConfig, "trust_model")

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            not (self.resume and self.overwrite),
            "--resume continues an output, --overwrite deletes it; give one of them.",
        )


# Configs of commands that read a collection of images.
InputConfig = EmbedConfig | PredictConfig
