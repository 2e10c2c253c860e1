# SPDX-License-Identifier: Apache-2.0
"""Objects of three times what the store holds."""

import ray

ray.init()
refs = []
try:
    refs.extend(ray.put(bytes([number]) * (1 << 20)) for number in range(24))
    print(sum(ray.get(ref)[0] for ref in refs))
except ray.exceptions.RayError as error:
    print(type(error).__name__)
