# SPDX-License-Identifier: Apache-2.0
"""Fits a line with a parameter server: an actor holds the weights, workers send it gradients."""

import numpy as np
import ray

ray.init()

TRUE_WEIGHTS = np.array([2.0, -3.0, 0.5])
WORKERS, ROUNDS, RATE = 3, 60, 0.3


@ray.remote(num_cpus=0)
class ParameterServer:
    def __init__(self, size):
        self.weights = np.zeros(size)

    def get_weights(self):
        return self.weights

    def apply(self, *gradients):
        self.weights = self.weights - RATE * np.mean(gradients, axis=0)
        return self.weights


@ray.remote(num_cpus=0)
class Worker:
    """Holds its own share of the data."""

    def __init__(self, seed):
        generator = np.random.default_rng(seed)
        self.inputs = generator.normal(size=(200, len(TRUE_WEIGHTS)))
        self.targets = self.inputs @ TRUE_WEIGHTS

    def gradient(self, weights):
        errors = self.inputs @ weights - self.targets
        return self.inputs.T @ errors / len(errors)


server = ParameterServer.remote(len(TRUE_WEIGHTS))
workers = [Worker.remote(seed) for seed in range(WORKERS)]

weights = server.get_weights.remote()
for _ in range(ROUNDS):
    # References go straight from actor to actor: the driver never sees a gradient.
    weights = server.apply.remote(*[worker.gradient.remote(weights) for worker in workers])

fitted = ray.get(weights)
print("fitted:", np.round(fitted, 3))
assert np.allclose(fitted, TRUE_WEIGHTS, atol=1e-3), fitted
print("OK")
