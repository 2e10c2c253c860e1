# SPDX-License-Identifier: Apache-2.0
# Goal: lines that programs log say which node, worker, task and actor they come from.
import json
import subprocess
import sys

import pytest
from mobula import LoggingConfig

PROGRAM = """
import json, logging, sys
import mobula as ray

ray.init(num_cpus=1, logging_config=ray.LoggingConfig(encoding=sys.argv[1], log_level="INFO",
                                          additional_log_standard_attrs=["name"]))
log = logging.getLogger("mine")

@ray.remote
def work():
    log.debug("not shown")
    log.info("in a task", extra={"step": 3})
    context = ray.get_runtime_context()
    return context.get_task_id(), context.get_worker_id(), context.get_node_id()

@ray.remote
class Keeper:
    async def keep(self):
        try:
            raise KeyError("lost")
        except KeyError:
            log.exception("in an actor")
        return ray.get_runtime_context().get_actor_id()

log.warning("in the driver")
told = ray.get(work.remote())
keeper = Keeper.options(name="keeper").remote()
print(json.dumps([*told, ray.get(keeper.keep.remote())]))
"""


def _run(tmp_path, encoding, world="run"):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mobula",
            world,
            str(program),
            *(["--"] * (world == "sim")),
            encoding,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (ids,) = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    return ids, done.stderr


@pytest.mark.parametrize("world", ["run", "sim"])
def test_json_lines_have_their_origin(tmp_path, world):
    (task, worker, node, actor), text = _run(tmp_path, "JSON", world)
    lines = [
        json.loads(line[line.index("{") :]) for line in text.splitlines() if '"message"' in line
    ]
    rows = {line["message"]: line for line in lines}
    assert set(rows) >= {"in the driver", "in a task", "in an actor"}
    assert "not shown" not in rows
    row = rows["in a task"]
    assert (row["task_id"], row["worker_id"], row["node_id"]) == (task, worker, node)
    assert (row["task_name"], row["name"], row["step"]) == ("work", "mine", 3)
    driver = rows["in the driver"]
    assert (driver["levelname"], driver["filename"]) == ("WARNING", "program.py")
    assert "task_id" not in driver
    assert driver["job_id"] == row["job_id"]
    row = rows["in an actor"]
    assert (row["actor_id"], row["actor_name"]) == (actor, "keeper")
    assert "KeyError: 'lost'" in row["exc_text"]


def test_text_lines_have_it_behind_the_message(tmp_path):
    (task, worker, node, _), text = _run(tmp_path, "TEXT")
    (line,) = (line for line in text.splitlines() if "in a task" in line)
    assert f"worker_id={worker} node_id={node} task_id={task} task_name=work step=3" in line
    assert " INFO " in line
    # The driver's own node is not named.
    assert line.startswith("(work pid=")
    assert ", ip=" not in line


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"encoding": "XML"}, r"Invalid encoding type: XML.*\['TEXT', 'JSON'\]"),
        ({"log_level": "LOUD"}, "Unknown log level: LOUD.*DEBUG, INFO"),
        ({"additional_log_standard_attrs": ["nom"]}, "standard attribute: nom. The valid"),
    ],
)
def test_what_is_wrong_is_said(fields, text):
    with pytest.raises(ValueError, match=text):
        LoggingConfig(**fields)


def test_a_configuration_goes_through_json():
    config = LoggingConfig("JSON", "DEBUG", ["name"])
    assert LoggingConfig.from_dict({**json.loads(json.dumps(config.to_dict())), "new": 1}) == config
