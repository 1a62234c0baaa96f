import json

import pytest

from aag_tf.config import Cluster, cluster_from_environment
from aag_tf.config.cluster import EXAMPLE
from aag_tf.utils.errors import ConfigError

TASK = {"type": "worker", "index": 1}


def cluster_of(settings):
    text = settings if isinstance(settings, str) else json.dumps(settings)
    return cluster_from_environment({"TF_CONFIG": text})


def test_a_cluster_is_read_and_its_first_process_is_the_chief():
    assert cluster_of(EXAMPLE) == Cluster(("host0:12345", "host1:12345"), 0)
    assert cluster_of(EXAMPLE).is_chief
    with_chief = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    second = cluster_of({"cluster": with_chief, "task": TASK})
    assert second == Cluster(("a:1", "b:1", "c:1"), 2)
    assert not second.is_chief
    assert cluster_of({"cluster": with_chief, "task": {"type": "chief", "index": "0"}}).is_chief


def test_no_cluster_is_one_process():
    assert cluster_from_environment({}) is None
    assert cluster_of(" ") is None
    assert cluster_of({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{", "not JSON"),
        ("[]", "no object called cluster"),
        ({"task": TASK}, "no object called cluster"),
        ({"cluster": {}, "task": TASK}, "names no machine"),
        ({"cluster": {"ps": ["a:1"], "worker": ["b:1"]}, "task": TASK}, "job 'ps'"),
        ({"cluster": {"worker": "a:1"}, "task": TASK}, 'addresses "a:1"'),
        ({"cluster": {"worker": ["a"]}, "task": TASK}, "list of host:port"),
        ({"cluster": {"worker": ["a:99999"]}, "task": TASK}, "list of host:port"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": TASK}, "one address twice"),
        ({"cluster": {"chief": ["a:1", "b:1"]}, "task": TASK}, "2 chiefs"),
        ({"cluster": {"worker": ["a:1", "b:1"]}}, "which task this process is"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "evaluator", "index": 0}}, "which task"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}, "names 2 of them"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}, "index -1"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}}, "index null"),
    ],
)
def test_a_malformed_one_is_refused_in_one_sentence(settings, words):
    with pytest.raises(ConfigError, match=r"^TF_CONFIG") as refusal:
        cluster_of(settings)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
