# SPDX-License-Identifier: Apache-2.0
"""Counts words in parallel: one task per document, then pairs of counts are merged as they come."""

import collections

import ray

ray.init()

DOCUMENTS = [
    "the ray is a flat fish and the fish is a ray",
    "a ray of light is not a fish",
    "many rays make light and many fish make a school",
    "the school of fish is in the light",
    "light travels as a ray",
]


@ray.remote
def count(document):
    return collections.Counter(document.split())


@ray.remote
def merge(left, right):
    return left + right


def reduce_as_they_come(references):
    """Merges whichever two counts are there first, until one is left."""
    while len(references) > 1:
        pair, references = ray.wait(references, num_returns=2)
        references.append(merge.remote(*pair))
    return ray.get(references[0])


words = reduce_as_they_come([count.remote(document) for document in DOCUMENTS])
expected = collections.Counter(" ".join(DOCUMENTS).split())
assert words == expected, words
for word, number in sorted(words.items(), key=lambda item: (-item[1], item[0]))[:5]:
    print(f"{number} {word}")
print("OK")
