"""The wheel and the source distribution work in an empty environment: ``make package`` builds them and runs this."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DIST = ROOT / "dist"


def only(pattern: str) -> Path:
    [found] = DIST.glob(pattern)
    return found


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed, in an environment that knows nothing of this checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OLLAMA", "PYTEST", "MAKE", "VIRTUAL_ENV", "MFLAGS"))
    }
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def test_wheel_holds_the_package_and_nothing_else():
    with zipfile.ZipFile(only("*.whl")) as wheel:
        names = wheel.namelist()
    assert "ollama_sdk/py.typed" in names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"ollama_sdk"}
    assert [name for name in names if name.endswith("licenses/LICENSE")]


def test_wheel_imports_with_run_time_dependencies_alone(empty: Path, tmp_path: Path):
    run(empty, "-m", "pip", "install", "-q", only("*.whl"), cwd=tmp_path)
    out = run(empty, "-c", "import ollama_sdk as o; print(o.Ollama('http://gpu-1'), o.__version__)", cwd=tmp_path)
    assert out.startswith("Ollama('http://gpu-1")


def test_demo_runs_from_the_wheel_with_its_extra(empty: Path, tmp_path: Path):
    run(empty, "-m", "pip", "install", "-q", f"{only('*.whl')}[testing]", cwd=tmp_path)
    out = run(empty, "-m", "ollama_sdk.testing.demo", cwd=tmp_path)
    assert "tokens per second" in out


def test_source_holds_the_examples_and_what_make_installs():
    with tarfile.open(only("*.tar.gz")) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    wanted = [*ROOT.glob("requirements-*.txt"), *ROOT.glob("examples/*.py")]
    assert {str(path.relative_to(ROOT)) for path in wanted} <= names


def test_make_demo_works_in_the_unpacked_source(tmp_path: Path):
    with tarfile.open(only("*.tar.gz")) as source:
        source.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    assert "make demo" in run("make", cwd=folder)
    out = run("make", "demo", f"PYTHON={sys.executable}", cwd=folder)
    assert "tokens per second" in out
