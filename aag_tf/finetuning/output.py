"""The directory of a fine-tuning: taken into use, gone on with, cleared."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aag_tf import config as configs
from aag_tf.config import FinetuneConfig
from aag_tf.finetuning.trial import damaged
from aag_tf.preflight.finetune import STARTED_FILE, check_finetune_output
from aag_tf.runs.classifier_record import MODEL_NAME, RECORD_NAME
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import FinetuneError
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.locks import locked_directory
from aag_tf.utils.paths import user_path
from aag_tf.utils.versions import versions

RESULTS_FILE, REPORT_FILE = "finetune.json", "report.html"
TRIALS = "trials"
FREE = ("resume", "overwrite", "dry_run", "report", "output", "data_dir", "download")  # may differ when it goes on
FORMAT_VERSION = 1


@contextlib.contextmanager
def output_directory(config: FinetuneConfig, facts: dict[str, Any]) -> Iterator[Path]:
    """Takes the directory into use, locked while the block runs.

    Args:
        config: every setting.
        facts: of encoder and images, which must be the same when it goes on.

    Raises:
        FinetuneError: it may not be written, another process has it, or it was begun with other settings, another
            encoder or other images.
    """
    path = user_path(config.output)
    busy = FinetuneError(f"--output={config.output} is being written by another process; wait for it, or stop it.")
    check_finetune_output(config)
    try:
        with locked_directory(path, busy):
            check_finetune_output(config)  # again: other processes may have been here since
            started = path / STARTED_FILE
            if config.overwrite:
                _clear(path)
            if config.resume:
                _check_same(config, started, facts)
            else:
                write_atomically(started, json.dumps(_content(config, facts), indent=2) + "\n")
            yield path
    except OSError as error:
        raise FinetuneError(
            f"--output={config.output} cannot be written ({error.strerror or error}); mend that, then add --resume to "
            "go on."
        ) from error


def _clear(path: Path) -> None:
    shutil.rmtree(path / TRIALS, ignore_errors=True)
    for name in (MODEL_NAME, RECORD_NAME, RESULTS_FILE, REPORT_FILE, STARTED_FILE):
        (path / name).unlink(missing_ok=True)


def _content(config: FinetuneConfig, facts: dict[str, Any]) -> dict[str, Any]:
    flags = {name: value for name, value in configs.to_flat(config).items() if name not in FREE}
    flags["precision"] = facts["precision"]  # what auto was
    return {"format_version": FORMAT_VERSION, "flags": flags, **facts, "versions": versions()}


def _check_same(config: FinetuneConfig, started: Path, facts: dict[str, Any]) -> None:
    try:
        before = read_json_object(started, "format_version", "flags", *facts)
    except ValueError as error:
        raise damaged(started, error) from error
    now = json.loads(json.dumps(_content(config, facts)))
    flags = before["flags"] if isinstance(before["flags"], dict) else {}
    changed = [f"--{name} was {flags.get(name)}" for name, value in now["flags"].items() if flags.get(name) != value]
    if changed:
        raise FinetuneError(
            f"--resume goes on with the settings that --output={config.output} was begun with ({'; '.join(changed)}); "
            "give those, or start again with --overwrite."
        )
    if before["encoder"] != now["encoder"]:
        raise FinetuneError(
            f"--init_from={config.init_from} is not what it was when --output={config.output} was begun; restore it, "
            "or start again with --overwrite."
        )
    if any(before[name] != now[name] for name in facts):
        raise FinetuneError(
            f"the labeled images are not those that --output={config.output} was begun with; restore them, or start "
            "again with --overwrite."
        )
