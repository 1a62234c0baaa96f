"""Compares a run that was disturbed and resumed with an undisturbed run."""

from pathlib import Path

from benchmark_tools import Row, read_json_lines
from kill_resume_runs import STEPS

from aag_tf.runs.run_directory import RunDirectory

# Times and memory differ between equal runs.
UNREPEATABLE = (
    "images_per_second",
    "data_wait_share",
    "cpu_cores_used",
    "first_step_seconds",
    "monitor_seconds",
    "host_memory_gib",
)


def differences(run_dir: Path, reference: Path) -> Row:
    """Compares a finished run with the undisturbed one."""
    import numpy as np
    import tensorflow as tf

    states = [
        tf.train.load_checkpoint(str(path / "checkpoints" / f"step-{STEPS}" / "state")) for path in (run_dir, reference)
    ]
    names = set(states[1].get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    if names != set(states[0].get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        raise RuntimeError("the checkpoints hold different variables")
    pairs = [(states[0].get_tensor(name), states[1].get_tensor(name)) for name in sorted(names)]
    return {
        "identical": all(ours.tobytes() == theirs.tobytes() for ours, theirs in pairs),
        "largest_difference": max(float(np.max(np.abs(ours - theirs), initial=0.0)) for ours, theirs in pairs),
        "records_equal": records_equal(metrics(run_dir), metrics(reference)),
        "events_equal": records_equal(events(run_dir), events(reference)),
    }


def records_equal(ours: list[Row], theirs: list[Row]) -> bool:
    """Whether both have the same records in order, with values equal to 1e-5 (rounding on several replicas)."""
    return len(ours) == len(theirs) and all(
        one.keys() == other.keys()
        and all(abs(one[name] - other[name]) <= 1e-5 * max(1, abs(one[name])) for name in one)
        for one, other in zip(ours, theirs, strict=True)
    )


def metrics(run_dir: Path) -> list[Row]:
    """Returns the records of metrics.jsonl without times and memory."""
    records = read_json_lines(run_dir / "metrics.jsonl")
    return [{name: value for name, value in record.items() if name not in UNREPEATABLE} for record in records]


def events(run_dir: Path) -> list[Row]:
    """Returns the steps of every scalar, image and text in the event files, in order of tag.

    HParams are excluded, because each start of a run writes them.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(RunDirectory(run_dir).events), size_guidance={"tensors": 0}, purge_orphaned_data=False)
    found.Reload()
    tags = sorted(tag for tag in found.Tags()["tensors"] if not tag.startswith("_hparams_"))
    return [{"tag": number, "step": event.step} for number, tag in enumerate(tags) for event in found.Tensors(tag)]


def outcome(run_dir: Path, reference: Path, code: int, message: str) -> Row:
    """Returns the exit code of a resumed run, and its differences to the undisturbed run or its error message."""
    return {
        "exit": code,
        **(differences(run_dir, reference) if code == 0 else {"identical": False, "message": message}),
    }
