"""The trainings of a fine-tuning: those that are tried, the best of them, and that on all labels in the end."""

import functools
from pathlib import Path

import keras
import numpy as np

from aag_tf.augment import MainBranch
from aag_tf.config import TuningConfig
from aag_tf.encoders.keras_files import load_keras_file
from aag_tf.evaluation.linear_probe import LinearProbe
from aag_tf.evaluation.views import main_branch
from aag_tf.finetuning.job import Job
from aag_tf.finetuning.network import head_of
from aag_tf.finetuning.output import TRIALS
from aag_tf.finetuning.sampling import SampleOrder
from aag_tf.finetuning.training import run_refit, run_trial
from aag_tf.finetuning.trial import BEST_FILE, FROM_ENCODER, Trial, TrialResult
from aag_tf.finetuning.trial_steps import TrialImages
from aag_tf.finetuning.trial_work import TrialWork
from aag_tf.utils.log import logger
from aag_tf.utils.progress import about
from aag_tf.utils.text import counted


def trial_images(job: Job) -> TrialImages:
    """Returns what the trainings learn from and are chosen by."""
    labels, tuning = job.labels, job.config.tuning
    return TrialImages(labels.train, labels.held_out, _branch(job), _order(labels.train.owners, tuning))


def run_all(job: Job, path: Path, probe: LinearProbe) -> list[TrialResult]:
    """Runs the trainings of a job, or goes on with them.

    Args:
        job: the fine-tuning.
        path: its directory.
        probe: that those from the encoder start from.

    Raises:
        StoppedError: a signal came.
    """
    images = trial_images(job)
    refits = len({trial.start for trial in job.trials}) if job.refits else 0
    in_all = len(job.trials) + refits
    results = []
    for number, trial in enumerate(job.trials):

        def tell(seconds: float, number: int = number) -> None:
            if number == 0:
                logger.info("%s at most for %s.", about(seconds * in_all), counted(in_all, "training"))

        result = run_trial(_work(job, path, trial, images, probe), told=tell)
        logger.info(
            "%s: held-out accuracy %.1f %% at step %s%s.",
            trial.title,
            100 * result.accuracy,
            f"{result.best_step:,}",
            ", then the loss was not finite" if result.diverged else "",
        )
        results.append(result)
    return results


def best_of(results: list[TrialResult], start: str) -> TrialResult:
    """Returns the training with the lowest cross-entropy on held-out images; of equals the slowest learning."""
    return min((each for each in results if each.start == start), key=lambda each: each.cross_entropy)


def best_model(path: Path, trial: Trial) -> keras.Model:
    """Loads the best weights of a training, of a fine-tuning's directory."""
    return load_keras_file(path / TRIALS / trial.name / BEST_FILE)


def refit(job: Job, path: Path, chosen: TrialResult, probe: LinearProbe) -> Trial:
    """Trains on the held-out images too, to the step that they chose, or goes on with it.

    Args:
        job: the fine-tuning.
        path: its directory.
        chosen: by held-out images.
        probe: fitted on all labels.

    Returns:
        The training whose weights are to be kept: `chosen` itself where the loss was not finite.

    Raises:
        StoppedError: a signal came.
    """
    tuning, labeled = job.config.tuning, job.labels.all
    trial = Trial(chosen.start, chosen.learning_rate, chosen.steps, refit_to=chosen.best_step)
    images = TrialImages(labeled, None, _branch(job), _order(labeled.owners, tuning))
    if run_refit(_work(job, path, trial, images, probe)):
        return trial
    logger.warning("%s: the loss was not finite, so that held-out images are not learned from.", trial.title)
    return chosen.trial


def _work(job: Job, path: Path, trial: Trial, images: TrialImages, probe: LinearProbe) -> TrialWork:
    return TrialWork(
        trial,
        functools.partial(job.build, trial.start),
        images,
        job.config.tuning,
        path / TRIALS / trial.name,
        head=head_of(probe) if trial.start == FROM_ENCODER else None,
        policy=job.precision,
    )


def _branch(job: Job) -> MainBranch | None:
    tuning = job.config.tuning
    if tuning.augment == "none":
        return None
    return main_branch(tuning.views(job.encoder.augment), job.labels.image_shape)


def _order(owners: np.ndarray, tuning: TuningConfig) -> SampleOrder:
    return SampleOrder(owners, tuning.seed, balanced=tuning.balanced)
