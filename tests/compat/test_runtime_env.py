# SPDX-License-Identifier: Apache-2.0
"""Runtime environments that are made: files that travel, packages that are installed.

The packages are tiny and made here, so no network is needed.
"""

import os
import subprocess
import sys
import zipfile

import pytest
import ray
from ray.exceptions import RuntimeEnvSetupError
from ray.runtime_env import RuntimeEnv, RuntimeEnvConfig


@pytest.fixture
def folder(tmp_path):
    """A working folder with a module, a file and what is better left out."""
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "beside.py").write_text("VALUE = 7\n")
    (tmp_path / "work" / "data" / "greeting.txt").write_text("hello")
    (tmp_path / "work" / "secret.txt").write_text("left out")
    return tmp_path / "work"


@pytest.fixture
def module(tmp_path):
    package = tmp_path / "modules" / "tinyfish"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("COLOUR = 'blue'\n")
    return package


def make_wheel(folder, name, version, code):
    """A wheel is a zip file with three more files."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(
            f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return str(path)


@ray.remote
def colour():
    import tinyfish

    return tinyfish.COLOUR


@ray.remote
def work():
    import beside

    here = [os.path.join(path, name) for path, _, names in os.walk(".") for name in names]
    return beside.VALUE, os.getcwd(), sorted(name for name in here if "__pycache__" not in name)


def test_a_jobs_working_folder_is_copied_to_its_workers(shutdown_only, folder):
    ray.init(
        num_cpus=1, runtime_env={"working_dir": str(folder), "excludes": ["secret*", "/nothing/"]}
    )
    value, there, files = ray.get(work.remote())
    assert value == 7 and there != str(folder)
    assert files == ["./beside.py", "./data/greeting.txt"]


def test_what_git_ignores_stays_behind(shutdown_only, folder):
    (folder / ".gitignore").write_text("*.txt\n!greeting.txt\n")
    ray.init(num_cpus=1, runtime_env={"working_dir": str(folder)})
    assert ray.get(work.remote())[2] == ["./.gitignore", "./beside.py", "./data/greeting.txt"]


def test_a_zip_file_is_a_working_folder_too(shutdown_only, folder, tmp_path):
    archive = tmp_path / "work.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "beside.py", "beside.py")
    ray.init(num_cpus=1)
    for name in (str(archive), archive.as_uri()):
        task = work.options(runtime_env={"working_dir": name})
        assert ray.get(task.remote())[::2] == (7, ["./beside.py"])


def test_of_a_fetched_zip_file_a_single_folder_at_the_top_is_left_out(
    shutdown_only, folder, tmp_path
):
    archive = tmp_path / "release.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "beside.py", "project-1.0/beside.py")
    ray.init(num_cpus=1)
    task = work.options(runtime_env={"working_dir": archive.as_uri()})
    assert ray.get(task.remote())[2] == ["./beside.py"]


def test_each_node_gets_what_it_needs(ray_start_cluster, folder, tmp_path):
    cluster = ray_start_cluster
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    wheel = make_wheel(tmp_path, "tinyfish", "1.0", "COLOUR = 'green'\n")
    ray.init(address=cluster.address, runtime_env={"working_dir": str(folder), "pip": [wheel]})

    @ray.remote(num_cpus=1)
    class Fish:
        def look(self):
            import beside
            import tinyfish

            return beside.VALUE, tinyfish.COLOUR, os.getcwd(), sys.prefix

    first, second = ray.get([one.look.remote() for one in [Fish.remote() for _ in range(2)]])
    assert first[:2] == second[:2] == (7, "green")
    assert first[2] != second[2] and first[3] != second[3]


def test_modules_are_found_by_tasks_and_actors(shutdown_only, module, monkeypatch):
    ray.init(num_cpus=2)
    env = {"py_modules": [str(module)]}
    assert ray.get(colour.options(runtime_env=env).remote()) == "blue"
    with pytest.raises(ModuleNotFoundError):
        ray.get(colour.remote())

    @ray.remote(runtime_env=env)
    class Fish:
        def colour(self):
            import tinyfish

            return tinyfish.COLOUR

        def colour_of_a_task(self):
            return ray.get(colour.remote())

    fish = Fish.remote()
    assert ray.get(fish.colour.remote()) == "blue"
    # What it submits inherits its environment.
    assert ray.get(fish.colour_of_a_task.remote()) == "blue"


def test_an_imported_module_can_stand_for_its_folder(shutdown_only, module, monkeypatch):
    monkeypatch.syspath_prepend(str(module.parent))
    import tinyfish

    ray.init(num_cpus=1)
    try:
        monkeypatch.undo()
        assert ray.get(colour.options(runtime_env={"py_modules": [tinyfish]}).remote()) == "blue"
    finally:
        del sys.modules["tinyfish"]


def test_a_wheel_is_a_module_too(shutdown_only, tmp_path):
    wheel = make_wheel(tmp_path, "tinyfish", "1.0", "COLOUR = 'red'\n")
    ray.init(num_cpus=1)
    assert ray.get(colour.options(runtime_env={"py_modules": [wheel]}).remote()) == "red"


def test_a_childs_fields_go_before_its_parents(shutdown_only, folder, module):
    ray.init(
        num_cpus=1,
        runtime_env={"env_vars": {"A": "job", "B": "job"}, "working_dir": str(folder)},
    )

    @ray.remote
    def look():
        env = ray.get_runtime_context().runtime_env
        return os.environ.get("A"), os.environ.get("B"), sorted(env), os.path.exists("beside.py")

    assert ray.get(look.remote()) == ("job", "job", ["env_vars", "working_dir"], True)
    own = {"env_vars": {"B": "task"}, "py_modules": [str(module)]}
    assert ray.get(look.options(runtime_env=own).remote()) == (
        "job",
        "task",
        ["env_vars", "py_modules", "working_dir"],
        True,
    )


def test_a_variable_can_extend_what_it_was(shutdown_only, monkeypatch):
    monkeypatch.setenv("TRAIL", "start")
    ray.init(num_cpus=1, runtime_env={"env_vars": {"TRAIL": "${TRAIL}:end"}})
    assert ray.get(ray.remote(lambda: os.environ["TRAIL"]).remote()) == "start:end"


def prepare():
    os.environ["PREPARED"] = "yes"


def test_a_hook_runs_first_in_each_worker(shutdown_only, folder):
    (folder / "hooks.py").write_text(
        "import os\ndef run():\n    os.environ['PREPARED'] = 'by name'\n"
    )
    ray.init(num_cpus=1, runtime_env={"worker_process_setup_hook": prepare})

    @ray.remote
    class Looker:
        def look(self):
            return os.environ.get("PREPARED")

    assert ray.get(Looker.remote().look.remote()) == "yes"
    assert "PREPARED" not in os.environ
    named = {"working_dir": str(folder), "worker_process_setup_hook": "hooks.run"}
    assert ray.get(Looker.options(runtime_env=named).remote().look.remote()) == "by name"

    def fail():
        raise ValueError("not today")

    failing = Looker.options(runtime_env={"worker_process_setup_hook": fail}).remote()
    with pytest.raises(RuntimeEnvSetupError, match="not today"):
        ray.get(failing.look.remote())


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_packages_are_installed_once_per_node(shutdown_only, tmp_path, installer):
    if installer == "uv":
        pytest.importorskip("uv")
    wheel = make_wheel(tmp_path, "tinyfish", "1.0", "COLOUR = 'green'\n")
    ray.init(num_cpus=2)

    @ray.remote
    class Fish:
        def look(self):
            import cloudpickle
            import tinyfish

            return tinyfish.COLOUR, sys.prefix, os.getpid(), bool(cloudpickle.__file__)

    env = {installer: [wheel]}
    fish = [Fish.options(runtime_env=env).remote() for _ in range(2)]
    first, second = ray.get([one.look.remote() for one in fish])
    assert first[0] == second[0] == "green" and first[2] != second[2] and first[3]
    # One virtual environment, which is not the driver's.
    assert first[1] == second[1] != sys.prefix
    assert ray.get(colour.options(runtime_env=env).remote()) == "green"
    with pytest.raises(ModuleNotFoundError):
        ray.get(colour.remote())


def test_an_installed_package_goes_before_one_of_the_driver(shutdown_only, tmp_path):
    wheel = make_wheel(tmp_path, "click", "99.0", "__version__ = '99.0'\n")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"# tiny\n\n{wheel}\n")
    ray.init(num_cpus=1)

    @ray.remote
    def version():
        import click

        return click.__version__

    assert ray.get(version.remote()) != "99.0"
    task = version.options(runtime_env={"pip": str(requirements)})
    assert ray.get(task.remote()) == "99.0"


def test_what_the_installer_said_is_in_the_error(shutdown_only, tmp_path):
    ray.init(num_cpus=1)
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_text("no wheel")
    env = {"pip": [str(broken)]}
    with pytest.raises(RuntimeEnvSetupError, match=r"(?s)pip.*install.*broken-1\.0.*[Ii]nvalid"):
        ray.get(colour.options(runtime_env=env, max_retries=3, retry_exceptions=True).remote())

    @ray.remote(runtime_env=env)
    class Fish:
        def look(self):
            return 1

    fish = Fish.remote()
    with pytest.raises(RuntimeEnvSetupError, match="broken"):
        ray.get(fish.look.remote())
    # Others are not concerned.
    assert ray.get(ray.remote(lambda: 5).remote()) == 5


def test_an_installer_may_not_take_for_ever(shutdown_only, tmp_path):
    source = tmp_path / "slow"
    source.mkdir()
    (source / "setup.py").write_text("import time\ntime.sleep(100)\n")
    ray.init(num_cpus=1)
    env = {
        "pip": {"packages": [str(source)], "pip_install_options": ["--no-build-isolation"]},
        "config": RuntimeEnvConfig(setup_timeout_seconds=2),
    }
    with pytest.raises(RuntimeEnvSetupError, match="setup_timeout_seconds"):
        ray.get(colour.options(runtime_env=env).remote(), timeout=30)


def test_packages_leave_the_cluster_with_their_job(ray_start_cluster, module, wait_for):
    from ray.experimental import internal_kv

    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1)
    program = f"""
import ray
ray.init(address={cluster.address!r}, runtime_env={{"py_modules": [{str(module)!r}]}})

@ray.remote
def colour():
    import tinyfish
    return tinyfish.COLOUR, ray.get_runtime_context().get_job_id()

print(*ray.get(colour.remote()))
"""
    done = subprocess.run(
        [sys.executable, "-c", "import mobula.alias; mobula.alias.install()\n" + program],
        capture_output=True,
        text=True,
        check=True,
    )
    colour, job = done.stdout.split()
    assert colour == "blue"
    ray.init(address=cluster.address)
    runtime = internal_kv.current().runtime
    wait_for(lambda: not runtime.ask_kv("kKeys", f"job/{job}", "")["keys"])


def test_what_is_not_there_is_said_where_it_is_named(shutdown_only, tmp_path):
    ray.init(num_cpus=1)
    missing = str(tmp_path / "missing")
    for env in ({"working_dir": missing}, {"py_modules": [missing]}, {"pip": missing}):
        with pytest.raises(ValueError, match="missing"):
            colour.options(runtime_env=env).remote()
    gone = (tmp_path / "gone.zip").as_uri()
    with pytest.raises(RuntimeEnvSetupError, match=r"gone\.zip"):
        ray.get(colour.options(runtime_env={"working_dir": gone}).remote())


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"conda": "base"}, "conda environments are not made"),
        ({"container": {}}, "not put into containers"),
        ({"colour": 1}, "fields"),
        ({"working_dir": "https://example.com/x.tar"}, r"\.zip"),
        ({"pip": {"requirements": []}}, "packages"),
        ({"pip": {"packages": [1]}}, "packages"),
        ({"pip": {"packages": [], "pip_check": 1}}, "pip_check"),
        ({"pip": ["a"], "uv": ["b"]}, "not both"),
        ({"worker_process_setup_hook": "nodot"}, "function"),
        ({"worker_process_setup_hook": 5}, "function"),
        ({"config": {"setup_timeout_seconds": 0}}, "setup_timeout_seconds"),
        ({"config": {"eager_install": 1}}, "eager_install"),
    ],
)
def test_nonsense_is_refused(env, message):
    with pytest.raises(ValueError, match=message):
        colour.options(runtime_env=env)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("env_vars", {"A": 1}),
        ("env_vars", ["A"]),
        ("working_dir", 5),
        ("py_modules", "x"),
        ("pip", 5),
        ("uv", 5),
        ("excludes", "x"),
        ("config", 5),
    ],
)
def test_fields_of_another_type_are_refused_as_such(field, value):
    with pytest.raises(TypeError, match=field):
        colour.options(runtime_env={field: value}).remote()


def test_environments_as_objects():
    env = RuntimeEnv(pip=["x"], env_vars={"A": "1"}, config=RuntimeEnvConfig(eager_install=False))
    assert env.has_pip() and not env.has_uv() and env.pip_config() == {"packages": ["x"]}
    assert env["config"] == {"setup_timeout_seconds": 600, "eager_install": False}
    assert RuntimeEnv.deserialize(env.serialize()) == env
    with pytest.raises(ValueError):
        RuntimeEnv(pip=["x"], uv=["y"])
    with pytest.raises(ValueError):
        RuntimeEnvConfig(setup_timeout_seconds=-2)
