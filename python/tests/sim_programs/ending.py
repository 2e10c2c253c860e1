# SPDX-License-Identifier: Apache-2.0
"""Ends as its argument says."""

import sys

import ray

how = sys.argv[1]
ray.init()


@ray.remote
def speak():
    print("spoken by a worker")


ray.get(speak.remote())
if how == "code":
    sys.exit(3)
if how == "text":
    sys.exit("that is all")
if how == "error":
    raise LookupError("nothing found")
ray.shutdown()
assert not ray.is_initialized()
ray.init(num_cpus=3)
ray.get(speak.remote())
