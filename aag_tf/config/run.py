"""Where results go."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.data import check_dataset
from aag_tf.config.setting import check_settings, setting

CHECKPOINTS = ("latest", "best")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Run: where results go and how often they are written; nothing here changes what is learned."""

    run_dir: str = setting(
        "runs/aag",
        "Directory that the run creates for its flags, checkpoints, metrics and TensorBoard events. An existing run "
        "is never touched without --resume or --overwrite.",
        if_empty="name the directory that the run may create",
        resumable=True,
        is_path=True,
    )
    resume: bool = setting(
        False,
        "Continue the run in --run_dir from its newest checkpoint, or the newest undamaged one.",
        resumable=True,
    )
    overwrite: bool = setting(
        False,
        "Delete the run in --run_dir (flags, checkpoints, metrics, events, evaluation; nothing else that lies there) "
        "and start again.",
        resumable=True,
    )
    dry_run: bool = setting(
        False,
        "Say what the run would do (images, splits, classes, files left out, encoder, steps), after every check that "
        "needs no writing, and end without making a run directory.",
        resumable=True,
    )
    log_every_steps: int = setting(
        50, "Steps between two lines of metrics.jsonl and points in TensorBoard.", low=1, resumable=True
    )
    checkpoint_every_steps: int | None = setting(
        None,
        "Steps between two checkpoints. Default: one an epoch. Lower it if epochs take hours.",
        low=1,
        resumable=True,
    )
    checkpoints_to_keep: int = setting(
        3, "Newest checkpoints that are kept, besides the one with the best kNN accuracy.", low=1, resumable=True
    )
    knn_every_epochs: int = setting(
        5,
        "Epochs between two looks at the encoder on held-out images: kNN and linear probe where there are labels, and "
        "effective rank and uniformity; the live signs of progress. 0 switches them off.",
        low=0,
        resumable=True,
    )
    monitor_dataset: str | None = setting(  # may not change, since the best checkpoint is chosen by it
        None,
        "Labeled images to take for these looks, as --dataset names them, at the size of those that are trained on: "
        "for runs on images without labels. A tenth of its training images is held out, and its test split is not "
        "touched. Default: the images of --dataset.",
        is_path=True,
    )
    projector_images: int = setting(
        500,
        "Held-out images to show as points in TensorBoard's projector; 0 switches it off.",
        low=0,
        high=10_000,  # which TensorBoard's projector still moves fluently
        resumable=True,
    )
    histograms: bool = setting(
        False,
        "Show the distribution of every weight in TensorBoard. Large event files; for finding out what went wrong.",
        resumable=True,
    )
    profile_steps: str | None = setting(
        None,
        "First and last step to record with TensorFlow's profiler, as 10,20; look at them with "
        "tensorboard-plugin-profile.",
        resumable=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(not (self.resume and self.overwrite), "--resume continues a run, --overwrite deletes it; give one.")
        if self.monitor_dataset is not None:
            check_dataset(self.monitor_dataset, "monitor_dataset")
            require(
                self.knn_every_epochs > 0,
                "--monitor_dataset is for looks at the encoder, and --knn_every_epochs=0 switches them off; give one "
                "of the two.",
            )
        if self.profile_steps is not None:
            self.profiled_steps()

    def profiled_steps(self) -> tuple[int, int]:
        """Returns the first and the last step to profile, counted from 1.

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
