"""What an evaluation is going to do, without computing features."""

import dataclasses

import numpy as np

from aag_tf.config import EvaluateConfig
from aag_tf.data import describe_source
from aag_tf.encoders import dtype_policy
from aag_tf.evaluation.checks import check_enough
from aag_tf.evaluation.output import evaluation_path
from aag_tf.evaluation.subjects import load_subject, open_images
from aag_tf.utils import environment
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.summary import Summary

NOT_SAID = ("image_shape", "embed_views")  # of the encoder: other lines have them


@dtype_policy("float32")
def plan(config: EvaluateConfig) -> Summary:
    """Returns what `evaluate` would do with these settings, after its checks of model and images.

    Args:
        config: what to evaluate, on which data.

    Raises:
        ConfigError: the config names features or earlier evaluations, which are read at once.
        AagError: there is no such model or data set, or it does not allow the evaluation.
    """
    if config.train_features is not None or config.compare is not None:
        raise ConfigError("--dry_run is for evaluations of images; leave it out, since features take seconds.")
    environment.tell()
    path = evaluation_path(config)
    subject = load_subject(config)
    images = open_images(config, subject)
    config = dataclasses.replace(config, protocol=images.protocol)
    bank, queries = images.bank, images.queries
    check_enough(None if queries.labels is None else bank.labels, len(bank), config.protocol)
    lines = {"encoder": ", ".join(f"{name} {value}" for name, value in subject.facts.items() if name not in NOT_SAID)}
    lines |= describe_source(images.source, size_from=subject.size_from)
    if subject.embed_views > 1:
        lines["views"] = f"{subject.embed_views} of each image, which takes as many encoder passes (--embed_views)"
    if images.conversion:
        lines["converted"] = images.conversion
    classes = "" if queries.labels is None else f" of {len(np.unique(queries.labels)):,} classes"
    lines |= {
        "learns from": f"{len(bank):,} images",
        "evaluated on": f"{len(queries):,} images{classes}, the {config.protocol.split} split (--split)",
        "measures": f"{', '.join(config.protocol.measure_names)} (--measures)",
        "saved in": "nothing, without --output" if path is None else str(path),
    }
    return Summary("This evaluation:", lines)
