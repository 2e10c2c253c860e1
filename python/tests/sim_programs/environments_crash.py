# SPDX-License-Identifier: Apache-2.0
"""Tasks whose modules come through the key-value store, while nodes and workers die."""

import os
import sys
import time
import zipfile

import ray

ray.init()
modules = os.path.join(sys.argv[1], "modules.zip")
with zipfile.ZipFile(modules, "w") as file:
    file.writestr("found_in_a_zip.py", "VALUE = 8\n")


@ray.remote(max_retries=-1, scheduling_strategy="SPREAD", runtime_env={"py_modules": [modules]})
def look(i):
    from found_in_a_zip import VALUE

    time.sleep(0.01)
    return VALUE + i


assert ray.get([look.remote(i) for i in range(40)]) == [8 + i for i in range(40)]
print("OK")
