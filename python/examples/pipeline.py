# SPDX-License-Identifier: Apache-2.0
"""Tasks that depend on tasks: in a small build every step starts when its inputs are there."""

import time

import ray

ray.init(num_cpus=4)

# What each step needs; its duration is 0.1 s.
STEPS = {
    "fetch": [],
    "configure": ["fetch"],
    "compile core": ["configure"],
    "compile tools": ["configure"],
    "write manual": ["fetch"],
    "link": ["compile core", "compile tools"],
    "package": ["link", "write manual"],
}


@ray.remote
def run(step, *inputs):
    """Inputs arrive as values, whatever they were made by."""
    time.sleep(0.1)
    return (step, time.time(), [name for name, _, _ in inputs])


@ray.remote
class Journal:
    def __init__(self):
        self.lines = []

    def note(self, result):
        step, finished, inputs = result
        self.lines.append((finished, step, inputs))

    def report(self):
        return sorted(self.lines)


references = {}
for step, needs in STEPS.items():
    references[step] = run.remote(step, *[references[need] for need in needs])

journal = Journal.remote()
ray.get([journal.note.remote(reference) for reference in references.values()])

finished = {}
for at, step, inputs in ray.get(journal.report.remote()):
    assert all(need in finished for need in inputs), (step, inputs)
    assert sorted(inputs) == sorted(STEPS[step])
    finished[step] = at
    print(f"{step} after {', '.join(inputs) or 'nothing'}")
assert set(finished) == set(STEPS)
print("OK")
