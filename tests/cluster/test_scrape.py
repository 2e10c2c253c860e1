# SPDX-License-Identifier: Apache-2.0
# Goal: Prometheus, which shows the cluster's token, finds on each host what that host did.
import re

from namespaced_hosts import SMALL
from prometheus_client.parser import text_string_to_metric_families

MOVE = """
import numpy
import mobula as ray
from mobula.util.metrics import Counter
ray.init(address="auto")

@ray.remote(resources={"there": 1}, num_cpus=0)
def make():
    Counter("made", tag_keys=("what",)).inc(tags={"what": "array"})
    return numpy.ones(2_500_000)

print(int(ray.get(make.remote()).sum()))
"""

SCRAPE = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"})
print(urllib.request.urlopen(request).read().decode())
"""


def _scrape(scraper, started, token):
    """The samples of the node whose `mobula start` wrote ``started``: values by name and labels."""
    url = re.search(r"http://\S+/metrics", started)[0]
    text = scraper.python(SCRAPE, url, token)
    return {
        (
            sample.name,
            *(
                f"{key}={value}"
                for key, value in sorted(sample.labels.items())
                if key != "WorkerId"
            ),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_host_tells_what_it_did(two_hosts):
    head, other = two_hosts
    pages = [(f"--dashboard-host={host.address}", "--dashboard-port=0") for host in two_hosts]
    first = head.mobula("start", "--head", f"--node-ip-address={head.address}", *SMALL, *pages[0])
    second = other.mobula(
        *("start", f"--address={head.address}:6379", *SMALL, *pages[1]),
        '--resources={"there": 1}',
        MOBULA_TOKEN=head.token(),
    )
    with head.driver(MOVE + "import time; time.sleep(60)") as driver:
        assert driver.stdout.readline() == "2500000\n"
        here = _scrape(other, first, head.token())
        there = _scrape(head, second, head.token())
    moved = there["mobula_transfer_bytes_total", "direction=sent"]
    assert moved >= 20_000_000
    assert moved == here["mobula_transfer_bytes_total", "direction=received"]
    assert here["mobula_tasks_submitted_total",] == 1
    assert there["mobula_tasks_submitted_total",] == 0
    assert there["mobula_tasks_ended_total", "outcome=finished"] == 1
    assert there["ray_made_total", "what=array"] == 1
    assert ("ray_made_total", "what=array") not in here
    for samples in (here, there):
        assert samples["mobula_link_round_trip_seconds_count",] > 0
    # The cluster's tables are beside the GCS.
    assert here["mobula_nodes", "state=alive"] == 2
    assert ("mobula_nodes", "state=alive") not in there
