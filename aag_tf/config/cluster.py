"""Reads from TF_CONFIG which machines train together; strictly, since TensorFlow hangs on a wrong one."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from aag_tf.config.checks import require
from aag_tf.utils.errors import ConfigError

JOBS = ("chief", "worker")
EXAMPLE = '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of one run, one on each machine.

    Args:
        workers: their addresses, `host:port`; the first is the chief, the only one that writes the run directory.
        index: the position of this process in `workers`.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.index == 0


def cluster_from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Reads the cluster from TF_CONFIG; returns `None` if it is not set or names a single process.

    Raises:
        ConfigError: TF_CONFIG is not JSON of the form of `EXAMPLE`.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"TF_CONFIG is not JSON ({error}); unset it, or write it as {EXAMPLE}.") from error
    addresses, job, index = _addresses(settings), *_task(settings)
    workers = (*addresses["chief"], *addresses["worker"])
    require(
        index < len(addresses[job]),
        f"TF_CONFIG says that this is {job} {index}, but names {len(addresses[job])} of them, counted from 0.",
    )
    place = index if job == "chief" else len(addresses["chief"]) + index
    return Cluster(workers, place) if len(workers) > 1 else None


def _addresses(settings: Any) -> dict[str, list[str]]:
    cluster: Any = settings.get("cluster") if isinstance(settings, dict) else None
    require(isinstance(cluster, dict), f"TF_CONFIG has no object called cluster; write it as {EXAMPLE}.")
    for job, addresses in cluster.items():
        require(job in JOBS, f"TF_CONFIG names a job {job!r} in its cluster; aag-train knows {' and '.join(JOBS)}.")
        require(
            isinstance(addresses, list) and all(_is_address(address) for address in addresses),
            f"TF_CONFIG gives {job} the addresses {json.dumps(addresses)}; give a list of host:port.",
        )
    found = {job: cluster.get(job, []) for job in JOBS}
    every = [*found["chief"], *found["worker"]]
    require(len(found["chief"]) <= 1, f"TF_CONFIG names {len(found['chief'])} chiefs; name one, or workers only.")
    require(bool(every), f"TF_CONFIG names no machine in its cluster; write it as {EXAMPLE}.")
    require(len(set(every)) == len(every), "TF_CONFIG gives one address twice; give every process its own host:port.")
    return found


def _is_address(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


def _task(settings: dict[str, Any]) -> tuple[str, int]:
    task: Any = settings.get("task")
    require(
        isinstance(task, dict) and task.get("type") in JOBS,
        f"TF_CONFIG does not say which task this process is (chief or worker); write it as {EXAMPLE}.",
    )
    index = task.get("index")
    index = int(index) if isinstance(index, str) and index.isdecimal() else index
    require(
        isinstance(index, int) and not isinstance(index, bool) and index >= 0,
        f"TF_CONFIG gives the task the index {json.dumps(task.get('index'))}; count the machines from 0.",
    )
    return task["type"], index
