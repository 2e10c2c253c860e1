# SPDX-License-Identifier: Apache-2.0
# Goal: what the runtime counts and what programs measure is found where Prometheus looks for it.
import pickle
import subprocess
import sys
import time
import urllib.request
import warnings

import mobula as ray
import numpy
import pytest
from mobula.util.metrics import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture(scope="module")
def port():
    context = ray.init(num_cpus=2, object_store_memory=64 << 20)
    yield context.address_info["metrics_export_port"]
    ray.shutdown()


def _scrape(port):
    """The samples by name, each a dict of labels and its value; the families' types."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = {}
    for family in families:
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples, {family.name: family.type for family in families}


def _value(samples, name, **labels):
    values = [value for has, value in samples.get(name, []) if labels.items() <= has.items()]
    assert len(values) <= 1, values
    return values[0] if values else 0


def _await(port, name, value, **labels):
    deadline = time.monotonic() + 10
    while (found := _value(_scrape(port)[0], name, **labels)) != value:
        assert time.monotonic() < deadline, (name, labels, found)
        time.sleep(0.02)


@ray.remote
def work(fails=False):
    if fails:
        raise ValueError("on purpose")


def test_tasks_are_counted_by_state(port):
    before = _scrape(port)[0]
    ray.get([work.remote() for _ in range(7)])
    with pytest.raises(ValueError, match="on purpose"):
        ray.get(work.remote(fails=True))
    after, types = _scrape(port)

    def grown(name, **labels):
        return _value(after, name, **labels) - _value(before, name, **labels)

    assert grown("mobula_tasks_submitted_total") == 8
    assert grown("mobula_tasks_started_total") == 8
    assert grown("mobula_tasks_ended_total", outcome="finished") == 7
    assert grown("mobula_tasks_ended_total", outcome="failed") == 1
    assert types["mobula_tasks"] == "gauge"
    assert types["mobula_tasks_started"] == "counter"
    assert types["mobula_rpc_seconds"] == "histogram"


@ray.remote(num_cpus=2)
def hold(gate):
    while not gate.exists():
        time.sleep(0.02)


def test_what_runs_and_what_waits_is_told_apart(port, tmp_path):
    gate = tmp_path / "open"
    held = [hold.remote(gate) for _ in range(2)]
    _await(port, "mobula_tasks", 1, state="waiting_for_lease")
    _await(port, "mobula_workers", 1, state="leased")
    _await(port, "mobula_tasks", 1, state="running")
    _await(port, "mobula_tasks_pending", 2)
    gate.touch()
    ray.get(held)
    for state in ("running", "queued", "waiting_for_lease"):
        _await(port, "mobula_tasks", 0, state=state)
    _await(port, "mobula_tasks_pending", 0)


def test_what_waits_for_its_arguments_is_pending(port, tmp_path):
    @ray.remote
    def after(_):
        pass

    gate = tmp_path / "open"
    first = hold.remote(gate)
    waiting = [after.remote(first) for _ in range(5)]
    _await(port, "mobula_tasks_pending", 6)
    gate.touch()
    ray.get(waiting)
    _await(port, "mobula_tasks_pending", 0)


def test_answers_take_a_time(port):
    samples = _scrape(port)[0]
    for method in ("gcs", "lease"):
        count = _value(samples, "mobula_rpc_seconds_count", method=method)
        assert count > 0
        assert _value(samples, "mobula_rpc_seconds_bucket", method=method, le="+Inf") == count
        assert _value(samples, "mobula_rpc_seconds_sum", method=method) > 0


def test_the_store_and_its_disk_are_measured(port):
    kept = [ray.put(numpy.full(2_500_000, i)) for i in range(6)]
    samples = _scrape(port)[0]
    assert _value(samples, "mobula_store_objects") == 6
    assert _value(samples, "mobula_store_capacity_bytes") == 64 << 20
    assert _value(samples, "mobula_spilled_bytes_total") >= 60_000_000
    assert 0 < _value(samples, "mobula_store_bytes") <= 64 << 20
    assert ray.get(kept[0])[0] == 0
    assert _value(_scrape(port)[0], "mobula_restored_objects_total") >= 1
    del kept
    _await(port, "mobula_store_objects", 0)
    _await(port, "mobula_spilled_bytes", 0)


def test_the_daemon_tells_of_itself(port):
    samples = _scrape(port)[0]
    assert _value(samples, "process_resident_memory_bytes") > 1 << 20
    assert _value(samples, "process_open_fds") > 5
    assert _value(samples, "mobula_nodes", state="alive") == 1
    assert _value(samples, "mobula_jobs", state="running") == 1


@ray.remote
class Server:
    def __init__(self):
        self.calls = Counter("calls", description='how "often"\nit was', tag_keys=("kind",))
        self.calls.set_default_tags({"kind": "usual"})
        self.times = Histogram("time_s", boundaries=[0.1, 1, 10], tag_keys=("kind",))

    def serve(self, seconds, tags=None):
        self.calls.inc(tags=tags)
        self.times.observe(seconds, tags=tags or {"kind": "usual"})


def test_metrics_of_programs_are_told_for_each_process(port):
    server = Server.remote()
    for seconds in (0.05, 0.1, 5, 50):
        ray.get(server.serve.remote(seconds))
    ray.get(server.serve.remote(1, {"kind": 'a "rare"\n\\ one'}))
    load = Gauge("load", description="of the driver")
    load.set(0.25)
    load.set(None)
    samples, types = _scrape(port)
    assert types["ray_calls"] == "counter"
    assert types["ray_load"] == "gauge"
    assert types["ray_time_s"] == "histogram"
    assert _value(samples, "ray_calls_total", kind="usual") == 4
    assert _value(samples, "ray_calls_total", kind='a "rare"\n\\ one') == 1
    assert _value(samples, "ray_load") == 0.25
    counts = {
        le: _value(samples, "ray_time_s_bucket", kind="usual", le=le)
        for le in ("0.1", "1.0", "10.0", "+Inf")
    }
    assert counts == {"0.1": 2, "1.0": 2, "10.0": 3, "+Inf": 4}
    assert _value(samples, "ray_time_s_sum", kind="usual") == pytest.approx(55.15)
    assert _value(samples, "ray_time_s_count", kind="usual") == 4
    # Those of the driver and of the actor.
    workers = {
        labels["WorkerId"]
        for name in ("ray_load", "ray_calls_total")
        for labels, _ in samples[name]
    }
    assert len(workers) == 2
    ray.kill(server)
    _await(port, "ray_calls_total", 0, kind="usual")


@ray.remote
def count(counter):
    counter.inc(2)


def test_a_metric_goes_along_to_a_task(port):
    counter = Counter("travelling", tag_keys=("a",)).set_default_tags({"a": "b"})
    assert pickle.loads(pickle.dumps(counter)).info == counter.info
    ray.get(count.remote(counter))
    _await(port, "ray_travelling_total", 2, a="b")


def test_a_process_with_too_many_samples_is_warned_once(port):
    @ray.remote(max_calls=1)
    def fill():
        many = Counter("many", tag_keys=("number",))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for number in range(4000):
                many.inc(tags={"number": f"{number:0100d}"})
        return [str(one.message) for one in caught], len(_scrape(port)[0]["ray_many_total"])

    told, reported = ray.get(fill.remote())
    assert len(told) == 1
    assert f"more than {reported} combinations of tags" in told[0]
    assert 1000 < reported < 4000


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Counter(""), ValueError, "Empty name is not allowed"),
        (lambda: Counter("a", tag_keys=["b"]), TypeError, "tag_keys should be a tuple type"),
        (lambda: Counter("a", tag_keys=(1,)), TypeError, "Tag keys must be str"),
        (lambda: Counter("a").set_default_tags({"b": "c"}), ValueError, "Unrecognized tag key b"),
        (
            lambda: Counter("a", tag_keys=("b",)).set_default_tags({"b": 1}),
            TypeError,
            "Tag values must be str",
        ),
        (lambda: Counter("a").inc(0), ValueError, "value must be >0, got 0"),
        (lambda: Counter("a").inc("1"), TypeError, "value must be int or float"),
        (lambda: Counter("a", tag_keys=("b",)).inc(), ValueError, "Missing value for tag key.*b"),
        (lambda: Counter("a", tag_keys=("b",)).inc(tags={"b": 1}), TypeError, "Tag values must be"),
        (lambda: Gauge("a").set("1"), TypeError, "value must be int or float"),
        (lambda: Histogram("a"), ValueError, "boundaries argument should be provided"),
        (lambda: Histogram("a", boundaries=[1, 0]), ValueError, "at index 1"),
        (lambda: Histogram("a", boundaries=[1]).observe(None), TypeError, "value must be int"),
    ],
)
def test_what_is_wrong_is_said_as_ray_says_it(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_name_that_prometheus_does_not_know_is_discarded(port):
    with pytest.warns(UserWarning, match="Invalid metric name: a-b"):
        bad = Counter("a-b")
    bad.inc()
    assert not [name for name in _scrape(port)[0] if "a-b" in name]


SIMULATED = """
import mobula as ray
from mobula.util.metrics import Counter, Histogram
ray.init()

@ray.remote
class Server:
    def __init__(self):
        self.calls = Counter("calls", tag_keys=("kind",))
        self.times = Histogram("times", boundaries=[1])
    def serve(self, kind):
        self.calls.inc(tags={"kind": kind})
        self.times.observe(0.5)

server = Server.remote()
ray.get([server.serve.remote("usual") for _ in range(3)])
try:
    ray.get(server.serve.remote(7))
except TypeError as error:
    print(error)
"""


def test_in_the_simulator_records_are_checked_and_take_no_time(tmp_path):
    program = tmp_path / "program.py"
    runs = []
    for text in (SIMULATED, SIMULATED.replace("self.times.observe(0.5)", "pass")):
        program.write_text(text)
        command = [sys.executable, "-m", "mobula", "sim", str(program)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Tag values must be str" in done.stdout
        runs.append([line for line in done.stderr.splitlines() if line.startswith("events:")])
    assert runs[0] == runs[1] != []


def test_outside_a_cluster_and_unused_it_costs_nothing():
    histogram = Histogram("unused", boundaries=[2.0, 1.0], tag_keys=("a",))
    assert histogram.info == {
        "name": "unused",
        "description": "",
        "tag_keys": ("a",),
        "default_tags": {},
        "boundaries": [2.0, 1.0],
    }
