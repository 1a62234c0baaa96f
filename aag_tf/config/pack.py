"""What is packed, in which form, and where."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.data import DataConfig
from aag_tf.config.setting import check_settings, setting

PACK_FORMS = ("original", "jpeg", "raw")


@dataclasses.dataclass(frozen=True)
class PackConfig:
    """Packing: the form of the pictures, and where they go."""

    output: str = setting(
        "",
        "Directory for the pack. It must not hold anything yet.",
        if_empty="name the directory that the pack may be written to",
        is_path=True,
        schemes=(),
    )
    form: str | None = setting(
        None,
        "How pictures are stored: original (the bytes of their files, nothing is lost), jpeg (those larger than --side "
        "scaled down and encoded as JPEG, the others as they are) or raw (pixels of one size, --image_size; the "
        "largest and the fastest to read). Default: original, or jpeg where --side is given; raw for arrays.",
        choices=PACK_FORMS,
    )
    side: int | None = setting(
        None,
        "Length in pixels of the shorter side that larger pictures are scaled down to, such as 256; smaller ones are "
        "never enlarged. Take at least the --image_size of training.",
        low=16,
        high=4096,
    )
    quality: int = setting(
        90,
        "Quality of the JPEGs that --side makes, with full color resolution (4:4:4). 75 takes 40 % less space and adds "
        "3 dB of noise.",
        low=1,
        high=100,
    )
    image_feature: str | None = setting(
        None,
        "The feature of TFRecords, or the column of a Parquet or Arrow table, that holds the encoded image. Default: "
        "image/encoded, image, img or jpg, whichever is there.",
    )
    label_feature: str | None = setting(
        None,
        "The feature or column that holds the number or the name of the class; none for no labels. Default: "
        "image/class/label, label, labels, class or fine_label, whichever is there.",
    )
    shard_size: int | None = setting(
        None,
        "Images in a file. A stopped run loses at most one file's work. Default: 8192, or more where there would be "
        "over 256 files.",
        low=1,
        high=10_000_000,
    )
    read_threads: int | None = setting(
        None,
        "Threads that read, decode and encode pictures. Default: one a CPU core; more help where files come over a "
        "network.",
        low=1,
        high=1024,
    )
    verify: bool = setting(
        True,
        "Read every file again after it is written, and with --resume those that were written before, and compare. "
        "--noverify saves that time.",
    )
    resume: bool = setting(
        False, "Go on with a pack that was stopped, by Ctrl-C or by kill -9; the result is the same to the byte."
    )
    overwrite: bool = setting(False, "Delete an earlier pack in the directory and start again.")
    data: DataConfig = dataclasses.field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        require(not (self.resume and self.overwrite), "--resume continues a pack, --overwrite deletes it; give one.")
        require(
            self.form != "jpeg" or self.side is not None,
            "--form=jpeg needs the size that pictures are scaled to; add --side=256, say.",
        )
        require(
            self.side is None or self.form in (None, "jpeg"),
            f"--side={self.side} makes JPEGs, and --form={self.form} does not; leave one of the two out.",
        )
        require(
            self.data.image_size is None or self.form == "raw",
            f"--image_size={self.data.image_size} is the size of raw pixels; add --form=raw, or leave it out: pictures "
            "in their own sizes are brought to that of a run when they are read. --side makes smaller ones.",
        )
        require(
            self.data.validation_fraction == DataConfig.validation_fraction,
            f"--validation_fraction={self.data.validation_fraction} is for training, which holds out images of a pack "
            "as of its source; leave it out.",
        )

        reading = self.data.reading
        require(
            reading.pages == "first",
            f"--pages={reading.pages} is not packed, since a pack has an image a picture; train on the files.",
        )
        require(
            self.stored_form != "original" or reading.value_range == "auto",
            f"--value_range={reading.value_range} is for training, since a pack of originals keeps all values; leave "
            "it out, or add --side or --form=raw.",
        )

    @property
    def stored_form(self) -> str:
        """The form of encoded pictures."""
        return self.form or ("jpeg" if self.side is not None else "original")
