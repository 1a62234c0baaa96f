"""Run: where results go and how often they are written; nothing here changes what is learned."""

from absl import flags

from aag_tf.config import RunConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `RunConfig`."""
    _define_directory(flag_values)
    _define_rhythm(flag_values)
    _define_pictures(flag_values)


def _define_directory(flag_values: flags.FlagValues) -> None:
    default = RunConfig()
    flags.DEFINE_string(
        "run_dir",
        default.run_dir,
        "Directory that the run creates for its flags, checkpoints, metrics and TensorBoard events. An existing run "
        "is never touched without --resume or --overwrite.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "resume",
        default.resume,
        "Continue the run in --run_dir from its newest checkpoint, or the newest undamaged one.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "overwrite",
        default.overwrite,
        "Delete the run in --run_dir (flags, checkpoints, metrics, events, evaluation; nothing else that lies there) "
        "and start again.",
        flag_values=flag_values,
    )


def _define_rhythm(flag_values: flags.FlagValues) -> None:
    default = RunConfig()
    flags.DEFINE_integer(
        "log_every_steps",
        default.log_every_steps,
        "Steps between two lines of metrics.jsonl and points in TensorBoard, 1 or more.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "checkpoint_every_steps",
        default.checkpoint_every_steps,
        "Steps between two checkpoints, 1 or more. Default: one an epoch. Lower it if epochs take hours.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "checkpoints_to_keep",
        default.checkpoints_to_keep,
        "Newest checkpoints that are kept, 1 or more, besides the one with the best kNN accuracy.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "knn_every_epochs",
        default.knn_every_epochs,
        "Epochs between two looks at the encoder on held-out images: kNN and linear probe where there are labels, and "
        "effective rank and uniformity; the live signs of progress. 0 switches them off.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "monitor_dataset",
        default.monitor_dataset,
        "Labeled images to take for these looks, as --dataset names them, at the size of those that are trained on: "
        "for runs on images without labels. A tenth of its training images is held out, and its test split is not "
        "touched. Default: the images of --dataset.",
        flag_values=flag_values,
    )


def _define_pictures(flag_values: flags.FlagValues) -> None:
    default = RunConfig()
    flags.DEFINE_integer(
        "projector_images",
        default.projector_images,
        "Held-out images to show as points in TensorBoard's projector, up to 10 000; 0 switches it off.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "histograms",
        default.histograms,
        "Show the distribution of every weight in TensorBoard. Large event files; for finding out what went wrong.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "profile_steps",
        default.profile_steps,
        "First and last step to record with TensorFlow's profiler, as 10,20; look at them with "
        "tensorboard-plugin-profile.",
        flag_values=flag_values,
    )
