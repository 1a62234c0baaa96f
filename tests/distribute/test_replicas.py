import json

import tensorflow as tf
from processes import Process, finish
from replica_shares import compare_shares

from aag_tf.losses import gather_replicas


def test_shares_sum_to_the_whole_in_value_and_gradient(tmp_path):
    outputs = [tmp_path / f"{replicas}.json" for replicas in (2, 4)]
    codes, messages = finish(
        [Process(compare_shares, int(out.stem), out, log=out.with_suffix(".txt")) for out in outputs]
    )
    assert codes == [0, 0], messages
    for out in outputs:
        results = json.loads(out.read_text())
        assert len(results) == {"2": 7, "4": 4}[out.stem]
        for name, deviations in results.items():
            case = f"{out.stem} replicas, {name}"
            assert max(deviations["loss_and_gradients"]) < 1e-12, case  # float64, relative to the largest entry
            assert deviations["statistics"] < 1e-6, case
            assert deviations["smallest_share"] > 0.1, case  # nobody is left without work


def test_one_replica_gathers_nothing():
    tensor = tf.random.stateless_normal([3, 2], [1, 2])
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert gather_replicas(tensor) is tensor
