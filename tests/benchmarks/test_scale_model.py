"""The model of large runs: its closed forms against cases computed by hand, and what its check compares."""

import dataclasses
import json

import pytest
from benchmark_scripts import script

traffic = script("scale_traffic")
model = script("scale_walls")
check = script("scale_check")
workers = script("scale_workers")


def test_a_ring_sends_what_is_counted_by_hand():
    # Four replicas, eight floats: each sends 3 parts of two floats to be summed, and 3 to be known.
    assert traffic.reduce_bytes(8, 4) == (3 + 3) * 2 * 4
    # A gather of eight floats from four replicas: each passes on all but its right neighbor's two.
    assert traffic.gather_bytes(8, 4) == 3 * 2 * 4
    assert traffic.reduce_bytes(8, 1) == traffic.gather_bytes(8, 1) == 0


def test_traffic_of_a_small_step():
    step = traffic.Step(batch=4, views=3, dim=8, replicas=2, parameters=100, norm_channels=(5, 6))
    sent = traffic.traffic(step)
    assert step.rows == 12
    assert sent["projections"] == (2 * 12 * 8 * 4 / 2, 0, 4)  # two gathers of 12 x 8 floats, half of them sent
    assert sent["rows of the loss"] == ((12 + 12 + 4 + 4) * 4 / 2, 0, 10)
    assert sent["batch normalization"] == (6 * (5 + 6) * 4, 12, 0)
    assert sent["gradients"] == (2 * 100 * 4, 2, 0)
    assert sent["scalars"] == (3 * 4, 3, 0)
    network = traffic.Network(reduce_seconds=0.01, gather_seconds=0.001, bytes_per_second=1e3)
    assert traffic.waiting_seconds(step, network) == pytest.approx(17 * 0.01 + 14 * 0.001)
    assert traffic.sending_seconds(step, network) == pytest.approx((384 + 64 + 264 + 800 + 12) / 1e3)
    assert traffic.traffic(dataclasses.replace(step, replicas=1)) == {}


def test_latency_as_nccl_estimates_it():
    assert traffic.nccl(8, 8, 1.0)[:2] == pytest.approx(((4.4 + 2 * 7 * 0.52) * 1e-6, (3.6 + 7 * 0.47) * 1e-6))
    tree, ring, rate = traffic.nccl(64, 8, 5.0)
    assert tree == pytest.approx((4.4 + 2 * (7 * 0.52 * 1.8 + 3 * 5.0)) * 1e-6)
    assert ring == pytest.approx((3.6 + 56 * 0.47 * 1.8 + 7 * 2.7) * 1e-6)
    assert rate == 5.0


def test_resnet50_is_that_of_the_paper():
    norms = model.resnet50_norms()
    assert (len(norms), sum(norms)) == (53, 26_560)  # of which torchvision's has 53 120 weights


MACHINE = model.Machine(gpus=4, cores=10, disk=1e12, disk_rate=1e6, network_rate=1e9, views_per_second=100)
COLLECTION = model.Collection("some", 3_600_000, 1000, 2)


def walls(way, *, gpus=8, batch=80, machine=MACHINE, collection=COLLECTION):
    encoder = model.Encoder(parameters=0, norm_channels=())
    return model.walls(collection, way, encoder=encoder, machine=machine, gpus=gpus, batch=batch, views=2)


def test_the_first_wall_of_each_kind():
    # 80 images in two views on eight GPUs: 20 views each, 0.2 s; 40 images on each of two machines.
    free = walls(model.Way("free", 0, 0, 0))
    assert (free["limit"], free["images_per_second"]) == ("GPU", pytest.approx(400, rel=0.01))
    assert free["hours"] == pytest.approx(2 * 3_600_000 / 400 / 3600, rel=0.01)
    assert free["gpu_share"] == pytest.approx(1.0, abs=0.01)
    cpu = walls(model.Way("cpu", 100, 0, 0))  # 40 x 0.1 s over ten cores
    assert (cpu["limit"], cpu["images_per_second"]) == ("input CPU", 200)
    assert (cpu["gpu_share"], cpu["cores_needed"]) == (pytest.approx(0.5), pytest.approx(10))
    python = walls(model.Way("python", 0, 10, 0))  # 40 x 0.01 s, one after the other
    assert (python["limit"], python["images_per_second"], python["python_share"]) == ("Python", 200, pytest.approx(1))
    disk = walls(model.Way("disk", 0, 0, 20_000))  # 40 x 20 kB at 1 MB/s
    assert (disk["limit"], disk["images_per_second"], disk["disk_mb_per_second"]) == ("disk", 100, pytest.approx(1))
    assert disk["disk_tb"] == pytest.approx(0.072)
    slow = walls(model.Way("free", 0, 0, 0), machine=dataclasses.replace(MACHINE, network_rate=1e4))
    assert slow["limit"] == "network, sending"


def test_what_does_not_fit_is_said():
    way = model.Way("files", 0, 0, 1e6)
    row = walls(way)
    assert not row["fits"]
    assert "fits on no machine's disks" in script("scale_tables").speed_table([row])[0]["files"]
    assert walls(way, collection=COLLECTION._replace(images=1e5))["fits"]


def test_memory_and_index_of_a_billion():
    assert model.memory_bytes(1e9, 17.0) == 33e9
    assert model.index_bytes(1e9, 2048) == 4352e9


def test_costs_are_those_of_the_input_benchmark_where_there_are_any(tmp_path):
    costs = json.loads((model.RESULTS / "scale_costs.json").read_text())
    (tmp_path / "scale_costs.json").write_text(json.dumps(costs))
    before, preliminary = model.measured_ways(3, COLLECTION, tmp_path)
    assert preliminary
    rows = [
        {"pictures": size, "way": f"aag_tf, 3 views {way}", "cpu_ms": cpu}
        for size, cpu in (("3000x2000", 99.0), ("500x375", 1.25))
        for way in ("from the file", "from a pack of 256 px")
    ]
    (tmp_path / "input.json").write_text(json.dumps(rows))
    after, preliminary = model.measured_ways(3, COLLECTION, tmp_path)
    assert not preliminary
    assert [way.cpu_ms for way in after] == [1.25, 1.25, before[2].cpu_ms]
    assert [way.bytes for way in after] == [COLLECTION.file_bytes, *(way.bytes for way in before[1:])]


def test_a_run_of_your_own_is_printed(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["scale_model.py", "--images=5e6", "--gpus=16", "--batch=2048", "--epochs=10"])
    script("scale_model").main()
    said = capsys.readouterr().out
    assert said.count("| yours ") == 2 * 1 + 2  # a row of hours, and one for each way to read images
    assert "Of each machine at that speed:" in said


def scenario(tmp_path, count=2):
    usual = check.scenarios(tmp_path, small=True)[0]
    return dataclasses.replace(usual, workers=count, batch=4, directory=str(tmp_path))


def save_seen(tmp_path, *of_workers):
    for worker, batches in enumerate(of_workers):
        lines = [{"step": step, "rows": rows, "digests": digests} for step, rows, digests in batches]
        (tmp_path / f"seen-{worker}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


class Measured:
    def views_of_one_process(self, _):
        return {(step, row): f"{step}{row}" for step in (0, 1) for row in range(4)}


RIGHT = ([(0, [0, 1], ["00", "01"]), (1, [0, 1], ["10", "11"])], [(0, [2, 3], ["02", "03"]), (1, [2, 3], ["12", "13"])])


def test_the_order_of_workers_is_compared_with_that_of_one_process(tmp_path):
    run = scenario(tmp_path)
    save_seen(tmp_path, *RIGHT)
    assert check.order_of(run, Measured()) == "same"
    save_seen(tmp_path, RIGHT[0], RIGHT[1][:1])
    assert check.order_of(run, Measured()) == "rows are missing"
    save_seen(tmp_path, RIGHT[0], [(0, [2, 3], ["02", "03"]), (1, [2, 3], ["13", "12"])])
    assert check.order_of(run, Measured()) == "views differ from those of one process"
    save_seen(tmp_path, *reversed(RIGHT))
    assert check.order_of(run, Measured()) == "a worker read rows of another"
    save_seen(tmp_path, RIGHT[0], RIGHT[0])
    with pytest.raises(ValueError, match="row 0 of step 0 was read by two workers"):
        workers.batches_seen(run)


def test_bytes_on_loopback_are_those_of_all_workers_and_their_messages():
    step = traffic.Step(batch=4, views=2, dim=8, replicas=2, parameters=10)
    payload = 2 * (2 * 8 * 8 * 4 / 2 + (8 + 8 + 4 + 4) * 4 / 2 + 2 * 10 * 4 + 3 * 4)
    messages = 2 * (2 * (2 + 3) + 14)
    assert check.predicted_loopback(step) == payload + messages * check.MESSAGE_BYTES
