"""By which number of held-out images, and after how much patience, fine-tuning should choose its classifier.

    python benchmarks/finetune_criterion.py --init_from=runs/small --percents 1 --draws 3 --json=curves.json
    python benchmarks/finetune_criterion.py --json=curves.json --report=docs/measurements/finetune.md

Every training of `aag-finetune` from the encoder runs to its end, and looks at held-out images as `aag-finetune` does.
Each look also sees other labeled training images, which nothing is chosen by: how right a rule's choice is there is
what the rule is worth. The test split is never read. Rules and patience are applied to the stored looks afterward.
A file of --json that exists is continued: its draws are not done again. Intervals are over draws.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import scipy.special
import scipy.stats
from ablation_statistics import paired_difference
from benchmark_tools import Row, argument_parser, replace_table, table, write_json
from provenance import provenance

PATIENCES = (4, 8, 20)  # looks; the last never ends a training of 20
Look = dict[str, float]
# What a look is worth, the higher the better; of equals the first is taken.
RULES: dict[str, Callable[[Look], tuple[float, ...]]] = {
    "cross-entropy": lambda look: (-look["entropy"],),
    "cross-entropy at its best temperature": lambda look: (-look["scaled_entropy"],),
    "Brier score at that temperature": lambda look: (-look["brier"],),
    "balanced accuracy, then that cross-entropy": lambda look: (look["balanced"], -look["scaled_entropy"]),
    "the same, accuracy as the mean of 3 looks": lambda look: (look["smooth"], -look["scaled_entropy"]),
}


def look_at(logits: np.ndarray, owners: np.ndarray, held_out: int) -> Look:
    """Returns the metrics of a look: of the first `held_out` images, classes counting equally, and of the others."""
    from aag_tf.evaluation.calibration import cross_entropy, fit_temperature
    from aag_tf.finetuning.held_out import class_weights

    own, targets = logits[:held_out], owners[:held_out]
    others, truth = logits[held_out:], owners[held_out:]
    weights = class_weights(targets)
    temperature = fit_temperature(own, targets, weights)
    distance = scipy.special.softmax(own / temperature, axis=1) - np.eye(logits.shape[1])[targets]
    return {
        "entropy": float(weights @ cross_entropy(own, targets)),
        "scaled_entropy": float(weights @ cross_entropy(own, targets, temperature)),
        "brier": float(weights @ np.sum(distance**2, axis=1)),
        "balanced": float(weights @ (np.argmax(own, axis=1) == targets)),
        "others": float(np.mean(np.argmax(others, axis=1) == truth)),
        # at the temperature that a finished classifier has
        "others_entropy": float(np.mean(cross_entropy(others, truth, fit_temperature(own, targets)))),
    }


def train_and_look(given: argparse.Namespace, percent: float, draw: int) -> list[Row]:
    """Trains at every learning rate on a draw of labels; returns a row for each, with its looks."""
    from aag_tf.config import FinetuneConfig, TuningConfig
    from aag_tf.data import ArrayImages, Split
    from aag_tf.encoders import dtype_policy
    from aag_tf.evaluation.few_labels import fit_few
    from aag_tf.finetuning import trial_looks
    from aag_tf.finetuning.finetune import embedder
    from aag_tf.finetuning.held_out import HeldOutScore
    from aag_tf.finetuning.job import open_job
    from aag_tf.finetuning.labels import Labeled
    from aag_tf.finetuning.network import head_of
    from aag_tf.finetuning.training import run_trial
    from aag_tf.finetuning.trial import LOOKS
    from aag_tf.finetuning.trial_work import TrialWork
    from aag_tf.finetuning.trials import trial_images

    tuning = TuningConfig(label_percent=percent, seed=draw, scratch=False, patience=LOOKS + 1, steps=given.steps)
    config = FinetuneConfig(init_from=given.init_from, dataset=given.dataset, output="unused", tuning=tuning)
    rows = []
    with dtype_policy("float32"):
        job = open_job(config)
        own = job.labels.held_out
        others = other_images(config, [job.labels.train, own], given.others, draw)
        pixels = np.concatenate([each.images.images.numpy(np.arange(len(each))) for each in (own, others)])
        owners = np.concatenate([own.owners, others.owners])
        images = dataclasses.replace(trial_images(job), held_out=Labeled(Split(ArrayImages(pixels), owners), owners))
        head = head_of(fit_few(embedder(job)(job.labels.train), job.labels.train.owners))
        for trial in job.trials:
            seen: list[Look] = []

            def score(logits: np.ndarray, owners: np.ndarray, seen: list[Look] = seen) -> HeldOutScore:
                seen.append(look_at(logits, owners, len(own)))
                return HeldOutScore(0.0, 0.0, 0.0)

            with (
                tempfile.TemporaryDirectory() as folder,
                mock.patch.object(trial_looks, "score", score),
                mock.patch.object(trial_looks, "MOST_IMAGES_OF_A_LOOK", len(owners)),
            ):
                build = functools.partial(job.build, trial.start)
                run_trial(TrialWork(trial, build, images, tuning, Path(folder), head=head, policy=job.precision))
            looks = seen[:-1]  # the last is of the best weights once more
            key = {
                "encoder": given.init_from,
                "percent": percent,
                "draw": draw,
                "learning_rate": trial.learning_rate,
                "steps": trial.steps,
            }
            columns = {name: [round(look[name], 5) for look in looks] for name in looks[0]}
            rows.append(key | {"train": len(job.labels.train), "held_out": len(own), "looks": columns} | provenance())
            print(key, columns["others"], flush=True)
    return rows


def other_images(config: Any, drawn: list[Any], most: int, draw: int) -> Any:
    """Returns labeled images beside the test split, at most `most`, that are none of those drawn."""
    from aag_tf.config import TuningConfig
    from aag_tf.data import ArrayImages, Split
    from aag_tf.finetuning.encoder import open_encoder
    from aag_tf.finetuning.labels import Labeled, open_labels
    from aag_tf.utils import seeds

    every = open_labels(dataclasses.replace(config, tuning=TuningConfig()), open_encoder(config)).train
    rows = seeds.generator(draw, "other_images").permutation(len(every))[: most + sum(map(len, drawn))]
    taken = {image.tobytes() for own in drawn for image in own.images.images.numpy(np.arange(len(own)))}
    found = every.images.images.numpy(rows)
    free = [number for number, image in enumerate(found) if image.tobytes() not in taken][:most]
    owners = every.owners[rows[free]]
    return Labeled(Split(ArrayImages(found[free]), owners), owners)


def looks_of(row: Row) -> list[Look]:
    """Returns the looks of a training, with the mean of the balanced accuracies of up to three, of which it is last."""
    columns = row["looks"]
    looks = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for number, look in enumerate(looks):
        look["smooth"] = float(np.mean([each["balanced"] for each in looks[max(0, number - 2) : number + 1]]))
        look["look"] = number
    return looks


def choose(looks: list[Look], worth: Callable[[Look], tuple[float, ...]], patience: int) -> tuple[Look, int]:
    """Returns the best look of a training that ends after `patience` looks without a better one, and its last look."""
    best = looks[0]
    for look in looks[1:]:
        if worth(look) > worth(best):
            best = look
        elif look["look"] - best["look"] >= patience:
            return best, int(look["look"])
    return best, len(looks) - 1


def rank_correlation(trainings: list[list[Look]], worth: Callable[[Look], tuple[float, ...]]) -> float:
    """Returns Spearman's correlation of a rule with the accuracy on the other images, over all looks of a draw."""
    looks = [look for each in trainings for look in each]
    worths = [worth(look) for look in looks]
    ranks = [sorted(worths).index(each) for each in worths]
    return float(scipy.stats.spearmanr(ranks, [look["others"] for look in looks]).statistic)


def report(rows: list[Row]) -> str:
    """Returns a Markdown table of rules and patience: what was chosen beside the probe, paired by draw.

    The last column is Spearman's correlation of the rule with the accuracy on the other images over all looks.
    """
    draws = sorted({(row["percent"], row["draw"]) for row in rows})
    trainings = {draw: [looks_of(row) for row in rows if (row["percent"], row["draw"]) == draw] for draw in draws}
    probes = {number: trainings[draw][0][0] for number, draw in enumerate(draws)}

    def line(title: str, patience: int | str, found: dict[int, Look], shares: list[float], order: str) -> list[object]:
        cells: list[object] = [title, patience]
        for name, scale, form in (("others", 100, "+.1f"), ("others_entropy", 1, "+.3f")):
            own, probe = ({number: scale * look[name] for number, look in each.items()} for each in (found, probes))
            cells.append(paired_difference(own, probe).text(form))
        return [*cells, sum(look["look"] == 0 for look in found.values()), f"{100 * np.mean(shares):.0f} %", order]

    lines = []
    for title, worth in RULES.items():
        order = f"{np.mean([rank_correlation(trainings[draw], worth) for draw in draws]):.2f}"
        for patience in PATIENCES:
            found, shares = {}, []
            for number, draw in enumerate(draws):
                ended = [choose(looks, worth, patience) for looks in trainings[draw]]
                found[number] = max((look for look, _ in ended), key=worth)
                shares += [last / (len(looks) - 1) for (_, last), looks in zip(ended, trainings[draw], strict=True)]
            lines.append(line(title, patience, found, shares, order))
    best = {
        number: max((look for looks in trainings[draw] for look in looks), key=lambda look: look["others"])
        for number, draw in enumerate(draws)
    }
    lines.append(line("the best on those other images, which nobody knows", "–", best, [1.0], "–"))
    header = ["rule", "patience", "points above probe", "cross-entropy", "probe chosen", "steps", "rank correlation"]
    return table(header, lines, text_columns=1)


def sections(rows: list[Row]) -> list[str]:
    """Returns a title and a table for each encoder and share of the labels."""
    parts = []
    for encoder, percent in dict.fromkeys((row["encoder"], row["percent"]) for row in rows):
        own = [row for row in rows if (row["encoder"], row["percent"]) == (encoder, percent)]
        draws, labels = len({row["draw"] for row in own}), own[0]["train"] + own[0]["held_out"]
        parts += [f"**{encoder}, {labels:,} labels, {draws} {'draw' if draws == 1 else 'draws'}**", report(own)]
    return parts


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--init_from", help="the encoder, as aag-finetune takes it")
    parser.add_argument("--dataset", default="tfds:cifar10", help="labeled images, as aag-finetune takes them")
    parser.add_argument("--percents", type=float, nargs="+", default=[1.0], help="shares of the labels")
    parser.add_argument("--draws", type=int, default=3, help="draws of each share")
    parser.add_argument("--others", type=int, default=2_000, help="labeled images that nothing is chosen by")
    parser.add_argument("--steps", type=int, help="of each training; by default as aag-finetune decides")
    parser.add_argument("--report", type=Path, help="write the tables of the rows that are there into a page, and stop")
    given = parser.parse_args()
    if not given.json or not (given.report or given.init_from):
        parser.error("give --json, and --init_from or --report")
    path = Path(given.json)
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    done = {(row["encoder"], row["percent"], row["draw"]) for row in rows}
    for draw in range(0 if given.report else given.draws):
        for percent in given.percents:
            if (given.init_from, percent, draw) not in done:
                rows += train_and_look(given, percent, draw)
                write_json(given.json, rows)
    text = "\n\n".join(sections(rows))
    if given.report:
        replace_table(given.report, "finetune_criterion", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
