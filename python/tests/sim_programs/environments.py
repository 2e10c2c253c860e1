# SPDX-License-Identifier: Apache-2.0
"""Runtime environments in the simulator: files are found, packages must be there already."""

import os
import sys
import zipfile

import ray
from ray.exceptions import RuntimeEnvSetupError

folder = sys.argv[1]
ray.init(runtime_env={"env_vars": {"OF_JOB": "job"}})


@ray.remote
def look():
    import found_by_tasks

    return found_by_tasks.VALUE, os.environ["OF_JOB"], os.environ.get("OF_TASK")


@ray.remote
class Looker:
    async def look(self):
        import found_in_a_zip

        return found_in_a_zip.VALUE


with zipfile.ZipFile(os.path.join(folder, "modules.zip"), "w") as file:
    file.writestr("found_in_a_zip.py", "VALUE = 8\n")
env = {"working_dir": folder, "env_vars": {"OF_TASK": "task"}}
assert ray.get(look.options(runtime_env=env).remote()) == (7, "job", "task")
# Through the key-value store of the cluster, in virtual time.
looker = Looker.options(runtime_env={"py_modules": [file.filename]}).remote()
assert ray.get(looker.look.remote()) == 8

installed = {"pip": ["cloudpickle>=1", "click"]}
assert ray.get(look.options(runtime_env={**env, **installed}).remote())[0] == 7
for missing in ("no-such-package-at-all", "cloudpickle<1", "not a requirement"):
    absent = {"uv": [missing]}
    try:
        ray.get(look.options(runtime_env=absent, max_retries=5).remote())
    except RuntimeEnvSetupError as error:
        assert "the simulator installs nothing" in str(error) and missing in str(error), error
    else:
        raise AssertionError(missing)
    try:
        ray.get(Looker.options(runtime_env=absent).remote().look.remote())
    except RuntimeEnvSetupError as error:
        assert missing in str(error), error
    else:
        raise AssertionError(missing)


def prepare():
    os.environ["PREPARED"] = "yes"


hook = {"worker_process_setup_hook": prepare}
prepared = ray.remote(lambda: os.environ.get("PREPARED"))
assert ray.get(prepared.options(runtime_env=hook).remote()) == "yes"
assert ray.get(prepared.remote()) is None
print("OK")
