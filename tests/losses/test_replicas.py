import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from aag_tf.losses import gather_replicas

WORKER = Path(__file__).parent / "replicas_worker.py"


@pytest.mark.parametrize("replicas", [2, 4])
def test_shares_sum_to_the_whole_in_value_and_gradient(replicas):
    finished = subprocess.run(
        [sys.executable, str(WORKER), str(replicas)], capture_output=True, text=True, timeout=600, check=False
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    results = json.loads(finished.stdout.splitlines()[-1])
    assert len(results) == 4
    for case, deviations in results.items():
        assert max(deviations["loss_and_gradients"]) < 1e-12, case  # float64, relative to the largest entry
        assert deviations["statistics"] < 1e-6, case
        assert deviations["smallest_share"] > 0.1, case  # nobody is left without work


def test_one_replica_gathers_nothing():
    tensor = tf.random.stateless_normal([3, 2], [1, 2])
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert gather_replicas(tensor) is tensor
