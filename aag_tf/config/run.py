"""Where results go."""

import dataclasses

from aag_tf.config.checks import normalize_text, require, require_range
from aag_tf.config.data import check_dataset

CHECKPOINTS = ("latest", "best")
MOST_PROJECTED = 10_000  # images that TensorBoard's projector still moves fluently


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where results go and how often they are written; nothing here changes what is learned."""

    run_dir: str = "runs/aag"
    resume: bool = False
    overwrite: bool = False
    log_every_steps: int = 50
    checkpoint_every_steps: int | None = None
    checkpoints_to_keep: int = 3
    knn_every_epochs: int = 5
    monitor_dataset: str | None = None
    projector_images: int = 500
    histograms: bool = False
    profile_steps: str | None = None

    def __post_init__(self) -> None:
        normalize_text(self)
        require(bool(self.run_dir), "--run_dir is empty; name the directory that the run may create.")
        require(not (self.resume and self.overwrite), "--resume continues a run, --overwrite deletes it; give one.")
        require_range("log_every_steps", self.log_every_steps, 1)
        if self.checkpoint_every_steps is not None:
            require_range("checkpoint_every_steps", self.checkpoint_every_steps, 1)
        require_range("checkpoints_to_keep", self.checkpoints_to_keep, 1)
        require_range("knn_every_epochs", self.knn_every_epochs, 0)
        if self.monitor_dataset is not None:
            check_dataset(self.monitor_dataset, "monitor_dataset")
            require(
                self.knn_every_epochs > 0,
                "--monitor_dataset is for looks at the encoder, and --knn_every_epochs=0 switches them off; give one "
                "of the two.",
            )
        require_range("projector_images", self.projector_images, 0, MOST_PROJECTED)
        if self.profile_steps is not None:
            self.profiled_steps()

    def profiled_steps(self) -> tuple[int, int]:
        """The first and the last step to profile, counted from 1.

        Raises:
            ConfigError: `profile_steps` is not of the form `first,last`.
        """
        first, _, last = (self.profile_steps or "").partition(",")
        require(
            first.strip().isdecimal() and last.strip().isdecimal() and 1 <= int(first) <= int(last),
            f"--profile_steps={self.profile_steps} is not a range of steps; write the first and the last one, counted "
            "from 1, as --profile_steps=10,20.",
        )
        return int(first), int(last)
