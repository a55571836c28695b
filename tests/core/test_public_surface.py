"""What plugins may import: it is there, it is documented, and it is enough."""

import ast
import subprocess
import sys
from pathlib import Path

import generate_reference
import pytest

import palaver
import palaver.api

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core/palaver"


@pytest.mark.parametrize("name", palaver.api.__all__)
def test_every_public_name_can_be_imported_from_palaver(name: str) -> None:
    assert getattr(palaver, name) is getattr(palaver.api, name)


def test_nothing_else_can() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Store'"):
        _ = palaver.Store


def test_the_list_is_without_doubles() -> None:
    names = palaver.api.__all__
    assert len(names) == len(set(names))


def test_every_public_name_has_its_line_in_the_reference() -> None:
    _, page = generate_reference.api_page()
    for name in palaver.api.__all__:
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(line) > len(name) + 15, f"{name} has no docstring: {line}"
        assert generate_reference.MISSING not in line


def test_a_plugins_module_can_be_imported_without_the_engine() -> None:
    program = "import sys; from palaver import hookimpl; print('pydantic' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("file", sorted(CORE.rglob("*.py")), ids=lambda file: file.stem)
def test_core_does_not_import_from_its_own_public_surface(file: Path) -> None:
    """`from palaver import config` would load all of it, in a circle."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        assert not isinstance(node, ast.ImportFrom) or node.module != "palaver"
