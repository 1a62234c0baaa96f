"""A trained encoder beside raw pixels and its untrained self: one set of images, measures and settings for all."""

import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aag_tf import config as configs
from aag_tf.config import EvaluateConfig
from aag_tf.evaluation import linear_probe
from aag_tf.evaluation.candidate import Candidate, Embed, Examples, Network
from aag_tf.evaluation.checks import check_enough
from aag_tf.evaluation.features import Encoder, embed, inference, raw_pixels
from aag_tf.evaluation.fine_tune import supervised_encoder
from aag_tf.evaluation.judge import judge
from aag_tf.evaluation.results import GIVEN, RAW_PIXELS, SUPERVISED, TRAINED, UNTRAINED, Evaluation, FeatureResult
from aag_tf.evaluation.saved_evaluation import is_evaluation
from aag_tf.evaluation.subjects import JudgedData, Subject, load_subject, open_images, read_feature_files
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import ConfigError, EvaluationError
from aag_tf.utils.paths import user_path
from aag_tf.utils.versions import versions


class Way(NamedTuple):
    """How images become features; the fields are those of `Candidate`."""

    name: str
    embed: Embed
    network: Network | None = None
    untrained: bool = False


def evaluate(config: EvaluateConfig, *, progress: bool = True) -> Evaluation:
    """Measures an encoder and the baselines under it on the same images.

    The figures go to `config.output`, or into the run directory; any other model is left as it is, so that without
    `--output` nothing is written for it.

    Args:
        config: what to judge, on which data.
        progress: whether long work shows bars.

    Raises:
        ConfigError: the config is one for `compare`.
        EvaluationError: the data has no labels, no such split, one class or too few images; features are not finite;
            the figures cannot be written.
        RunDirectoryError, ExportError, DataError: there is no such run, model or data set.
    """
    if config.compare is not None:
        raise ConfigError(
            f"--compare={config.compare} names runs that were judged before; give them to aag_tf.compare."
        )
    began = time.perf_counter()
    path = _figures_path(config)
    report = _report_path(config, path)
    found = _judge_files(config, progress) if config.train_features is not None else _judge_images(config, progress)
    evaluation = Evaluation(
        results=found.results,
        subject=found.subject,
        data=found.data,
        settings=configs.to_flat(config) | {"linear_l2_grid": list(linear_probe.L2_GRID)},
        command=shlex.join(["aag-evaluate", *configs.flag_lines(config)]),
        seeds={"evaluation": config.protocol.seed, "linear_held_out": linear_probe.SPLIT_SEED} | found.seeds,
        versions=versions(),
        seconds=time.perf_counter() - began,
        judged=found.judged,
        path=path,
        report=report,
    )
    if path is not None:
        write_atomically(path, evaluation.to_json())
    if report is not None:
        from aag_tf.report import write_report  # here, so that training does not wait for what draws

        write_report(evaluation, report, progress=progress)
    return evaluation


class Found(NamedTuple):
    """What was judged and how well it did; the fields are those of `Evaluation`."""

    results: list[FeatureResult]
    judged: Candidate
    subject: dict[str, Any]
    data: dict[str, Any]
    seeds: dict[str, int]


def _judge_images(config: EvaluateConfig, progress: bool) -> Found:
    """The encoder and its baselines, one after the other."""
    subject = load_subject(config)
    _check_trainable(config, subject)
    data = open_images(config, subject)
    check_enough(data.bank.labels, len(data.bank), config.protocol)
    results: list[FeatureResult] = []
    judged: Candidate | None = None
    for prepare in _ways(config, subject, data, progress):
        way = prepare()
        candidate = _candidate(way, config, subject, data, progress=progress)
        results.append(judge(candidate))
        judged = candidate if way.name == TRAINED else judged
    assert judged is not None
    facts = {
        "dataset": data.source.name,
        "split": config.protocol.split,
        **_counts(data.bank.labels, len(data.bank), len(data.queries)),
        "class_names": data.source.class_names,
        "image_shape": list(data.bank.images.shape),
        "conversion": data.conversion,
    }
    return Found(results, judged, subject.facts, facts, {"untrained_encoder": subject.seed})


def _judge_files(config: EvaluateConfig, progress: bool) -> Found:
    """Features from files, which have no baselines."""
    train, test = str(config.train_features), str(config.test_features)
    bank, queries = read_feature_files(train, test, labeled=config.protocol.needs_labels)
    check_enough(bank.labels, len(bank.features), config.protocol)
    judged = Candidate(GIVEN, bank, queries, config.protocol, progress=progress)
    facts = {
        "dataset": train,
        "split": test,
        **_counts(bank.labels, len(bank.features), len(queries.features)),
        "class_names": None,
        "image_shape": None,
        "conversion": "",
    }
    return Found([judge(judged)], judged, {"train_features": train, "test_features": test}, facts, {})


def _counts(labels: np.ndarray | None, num_bank: int, num_queries: int) -> dict[str, int | None]:
    classes = None if labels is None else len(np.unique(labels))
    return {"num_bank": num_bank, "num_queries": num_queries, "num_classes": classes}


def _check_trainable(config: EvaluateConfig, subject: Subject) -> None:
    """What needs weights that can be trained is refused now, not after minutes of other work."""
    asked = config.protocol
    if "fine_tune" in asked.measure_names and not asked.all_measures and subject.network is None:
        raise EvaluationError(
            "a SavedModel is a frozen graph, so --measures=fine_tune cannot train it; judge the run or a .keras file."
        )
    if asked.supervised_epochs > 0 and subject.untrained is None:
        raise EvaluationError(
            "nobody knows how this SavedModel was built, so --supervised_epochs cannot train one like it; leave it out."
        )
    if asked.supervised_epochs > 0 and not asked.needs_labels:
        raise EvaluationError("--supervised_epochs needs labels; leave it out with --measures=unlabeled.")


def _ways(config: EvaluateConfig, subject: Subject, data: JudgedData, progress: bool) -> list[Callable[[], Way]]:
    """The baselines that are wanted and can be had, the encoder itself, and a supervised one if asked for.

    Each is prepared when its turn comes, so that one network at a time is in memory.
    """
    size, shape = config.protocol.embed_batch_size, data.bank.images.shape

    def through(encoder: Encoder, name: str) -> Embed:
        call = inference(encoder, shape)
        return lambda images: embed(call, images, size, progress=progress, name=name)

    def pixels() -> Way:
        return Way(RAW_PIXELS, lambda images: raw_pixels(images, size, progress=progress))

    def trained() -> Way:
        return Way(TRAINED, through(subject.encoder, TRAINED), subject.network)

    baselines, fresh = config.protocol.baseline_names, subject.untrained
    ways: list[Callable[[], Way]] = [pixels] if "raw_pixels" in baselines else []
    if fresh is not None and "untrained" in baselines:
        ways.append(lambda: Way(UNTRAINED, through(fresh(), UNTRAINED), fresh, untrained=True))
    ways.append(trained)
    if fresh is not None and config.protocol.supervised_epochs > 0:

        def supervised() -> Way:
            images, labels = data.bank.images, data.bank.labels
            assert labels is not None
            network = supervised_encoder(fresh(), images, labels, config.protocol, subject.augment, progress=progress)
            return Way(SUPERVISED, through(network, SUPERVISED))

        ways.append(supervised)
    return ways


def _candidate(way: Way, config: EvaluateConfig, subject: Subject, data: JudgedData, *, progress: bool) -> Candidate:
    bank, queries = (
        Examples(way.embed(split.images), split.labels, split.images) for split in (data.bank, data.queries)
    )
    return Candidate(
        way.name,
        bank,
        queries,
        config.protocol,
        embed=way.embed,
        network=way.network,
        untrained=way.untrained,
        augment=subject.augment,
        progress=progress,
    )


def _figures_path(config: EvaluateConfig) -> Path | None:
    """Where the figures go, known to be writable before any work is done."""
    if config.output is not None:
        path = user_path(config.output)
    elif config.run_dir is not None:
        path = RunDirectory(config.run_dir).evaluation
        if not path.parent.is_dir():
            return path  # loading the run says what is wrong with it
    else:
        return None
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise EvaluationError(f"{path} cannot be written; name a file in a writable directory with --output.")
    is_own = config.run_dir is not None and path == RunDirectory(config.run_dir).evaluation  # and may be damaged
    if not is_own and path.exists() and path.stat().st_size > 0 and not is_evaluation(path):
        raise EvaluationError(f"{path} exists and is no evaluation; name another file with --output.")
    return path


def _report_path(config: EvaluateConfig, figures: Path | None) -> Path | None:
    """`report.html` beside a run's own figures; beside a file of another name, that name with `.html`."""
    if figures is None or not config.report:
        return None
    from aag_tf.report import check_page_path

    own = RunDirectory(figures.parent)
    report = own.report if figures.name == own.evaluation.name else figures.with_suffix(".html")
    if report == figures:
        raise EvaluationError(
            f"--output={figures} is for figures as JSON; give it another name, as in evaluation.json."
        )
    if report.parent.is_dir():
        check_page_path(report)
    return report
