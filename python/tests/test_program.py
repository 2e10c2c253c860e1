# SPDX-License-Identifier: Apache-2.0
"""Goal: whole programs: output, modules, environment, the alias, the examples."""

import os
import pathlib
import subprocess
import sys

import mobula
import pytest

EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "examples").glob("*.py"))


def test_workers_output_reaches_the_driver(program):
    code, out, err = program(
        """
        import sys
        import mobula
        mobula.init(num_cpus=1, include_dashboard=False)

        @mobula.remote
        def talk():
            print("to output")
            print("to errors", file=sys.stderr)

        mobula.get(talk.remote())
        """
    )
    assert code == 0, err
    assert any(
        line.startswith("(talk pid=") and line.endswith(") to output") for line in out.splitlines()
    )
    assert any(
        line.startswith("(talk pid=") and line.endswith(") to errors") for line in err.splitlines()
    )


def test_the_last_words_of_workers_are_heard(program):
    for _ in range(3):
        code, out, err = program(
            """
            import mobula
            mobula.init(num_cpus=2, include_dashboard=False)
            mobula.get([mobula.remote(print).remote(i) for i in range(5)])
            """
        )
        assert code == 0, err
        assert sorted(line[-1] for line in out.splitlines()) == list("01234")


def test_output_stays_away_when_not_wanted(program):
    code, out, _ = program(
        """
        import time
        import mobula
        mobula.init(num_cpus=1, log_to_driver=False, include_dashboard=False)
        mobula.get(mobula.remote(lambda: print("quiet")).remote())
        time.sleep(0.3)
        """
    )
    assert (code, out) == (0, "")


def test_workers_find_the_drivers_modules_folder_and_environment(program, tmp_path):
    (tmp_path / "helper_module.py").write_text("class Point:\n    x = 5\n")
    code, out, err = program(
        """
        import os
        import helper_module
        import mobula
        red = {"env_vars": {"COLOUR": "red"}}
        mobula.init(num_cpus=1, include_dashboard=False, runtime_env=red)

        @mobula.remote
        def look(point):
            return point.x, os.getcwd() == there, os.environ["COLOUR"], os.environ.get("SHADE")

        there = os.getcwd()
        print(mobula.get(look.remote(helper_module.Point())))
        dark = look.options(runtime_env={"env_vars": {"SHADE": "dark"}})
        print(mobula.get(dark.remote(helper_module.Point())))
        """
    )
    assert code == 0, err
    assert out == "(5, True, 'red', None)\n(5, True, 'red', 'dark')\n"


def test_the_alias_makes_ray_this_package(program):
    code, out, err = program(
        """
        import mobula.alias
        mobula.alias.install()
        import ray
        import ray.exceptions
        from ray.util.state import list_nodes
        from ray.exceptions import GetTimeoutError
        import mobula
        assert ray is mobula and ray.exceptions is mobula.exceptions
        assert GetTimeoutError is mobula.exceptions.GetTimeoutError
        try:
            import ray.no_such_module
        except ModuleNotFoundError as error:
            print(error)
        ray.init(num_cpus=1, include_dashboard=False)

        @ray.remote
        def nested():
            import ray
            return ray.get(ray.put(5)), ray.__name__

        print(ray.get(nested.remote()))
        """
    )
    assert code == 0, err
    assert out.splitlines()[-1] == "(5, 'mobula')"
    assert "no_such_module" in out.splitlines()[0]


def test_a_program_without_init_starts_a_cluster(program):
    code, out, err = program(
        """
        import mobula
        print(mobula.get(mobula.remote(lambda: 7).remote()), mobula.is_initialized())
        """
    )
    assert (code, out) == (0, "7 True\n"), err


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_pass_their_own_checks(example):
    command = pathlib.Path(sys.executable).with_name("mobula")
    package = str(pathlib.Path(mobula.__file__).parents[1])
    start = [str(command)] if command.exists() else [sys.executable, "-m", "mobula"]
    done = subprocess.run(
        [*start, "run", str(example)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": package},
    )
    assert done.returncode == 0, done.stderr
