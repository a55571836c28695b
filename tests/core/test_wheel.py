"""What is built and installed is what is in the tree: no package forgotten, none left over."""

import configparser
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOTS: list[str] = PROJECT["tool"]["setuptools"]["packages"]["find"]["where"]
NOT_SHIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy, where no old `build` folder can add to it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("core", "plugins"):
        ignored = shutil.ignore_patterns(*NOT_SHIPPED, "*.egg-info")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
        timeout=110,
    )
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def in_tree() -> set[str]:
    """Every file of the packages, as a wheel names it."""
    files = set()
    for root in ROOTS:
        for path in (ROOT / root).rglob("*"):
            inside = path.relative_to(ROOT / root)
            if path.is_file() and not NOT_SHIPPED & set(inside.parts):
                files.add(inside.as_posix())
    return {name for name in files if not name.startswith(".") and ".egg-info/" not in name}


def test_the_wheel_has_the_trees_files_and_no_others(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert sorted(shipped) == sorted(in_tree())


def test_every_package_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    packages = {name.partition("/")[0] for name in in_tree()}
    assert {f"{name}/py.typed" for name in packages} <= set(wheel.namelist())


def test_every_plugin_of_the_tree_is_shipped_and_held_to_the_rules_of_imports() -> None:
    plugins = sorted((ROOT / "plugins").iterdir())
    assert {f"plugins/{folder.name}" for folder in plugins if folder.is_dir()} <= set(ROOTS)
    packages = {path.parent.name for path in ROOT.glob("plugins/*/*/__init__.py")}
    rules = {rule["id"]: rule for rule in PROJECT["tool"]["importlinter"]["contracts"]}
    assert packages <= set(PROJECT["tool"]["importlinter"]["root_packages"])
    assert packages <= set(rules["circles"]["ancestors"])
    assert packages == set(rules["core"]["forbidden_modules"])
    assert packages == set(rules["plugins"]["modules"])
    assert packages == set(rules["surface"]["source_modules"])


def test_every_folder_with_modules_is_a_package() -> None:
    files = in_tree()
    folders = {name.rpartition("/")[0] for name in files if name.endswith(".py")}
    assert {folder for folder in folders if f"{folder}/__init__.py" not in files} == set()


def test_the_wheel_has_its_command_its_plugins_and_its_licence(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    entries = configparser.ConfigParser()
    entries.read_string(wheel.read(name).decode())
    assert entries["console_scripts"]["palaver"] == "palaver.app.main:cli"
    modules = [module.replace(".", "/") + ".py" for module in entries["palaver"].values()]
    assert modules
    assert set(modules) <= in_tree()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_wheel_says_what_it_needs(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    metadata = wheel.read(name).decode()
    for extra in ("telegram", "discord", "all", "test"):
        assert f"Provides-Extra: {extra}\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "License: MIT\n" in metadata
