"""The documentation says what is there."""

import ast
import asyncio
import re
import shlex
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import generate_reference
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

import palaver.hookspecs
import palaver_echo
from palaver.app.main import cli
from palaver.commands.registry import BUILT_IN
from palaver.config import Settings
from palaver.engine import open_engine
from palaver.plugins import PluginHost

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        ROOT / "changelog.d/README.md",
        ROOT / "examples/palaver-echo/README.md",
    ]
)
BY_HAND = [page for page in PAGES if page.parent.name != "reference"]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced examples of that language."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return fence.findall(page.read_text("utf-8"))


def examples(language: str) -> list[object]:
    return [
        pytest.param(page, block, id=f"{name_of(page)}-{number}")
        for page in BY_HAND
        for number, block in enumerate(blocks(page, language), 1)
    ]


# --- the reference ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(generate_reference.pages()))
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (DOCS / "reference" / name).read_text("utf-8")
    assert written == generate_reference.pages()[name], "run: python docs/generate_reference.py"


def test_every_hook_is_documented_with_its_signature() -> None:
    page = (DOCS / "reference/hooks.md").read_text("utf-8")
    tree = ast.parse(Path(palaver.hookspecs.__file__).read_text("utf-8"))
    hooks = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(hooks) >= 15
    for node in hooks:
        assert f"### {node.name}\n\n```python\n{generate_reference.signature(node)}\n```" in page
        assert ast.get_docstring(node)


@pytest.mark.parametrize(("location", "model"), list(generate_reference.setting_tables()))
def test_every_setting_is_documented_with_its_default(
    location: str, model: type[BaseModel]
) -> None:
    page = (DOCS / "reference/settings.md").read_text("utf-8")
    for row in generate_reference.setting_rows(location, model):
        assert f"| {' | '.join(row)} |" in page
        assert len(row[3]) > 10, f"{row[0]} is not explained"


def test_every_chat_command_is_documented() -> None:
    page = (DOCS / "reference/commands.md").read_text("utf-8")
    for command in BUILT_IN:
        assert f"### /{command.name}\n" in page
        assert command.summary in page


# --- the pages that are written by hand ---------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        if target.startswith(("https://", "http://127.0.0.1")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, link


@pytest.mark.parametrize(("page", "block"), examples("toml"))
def test_every_configuration_holds(page: Path, block: str) -> None:
    table = tomllib.loads(block)
    if "project" in table:  # a plugin's pyproject.toml
        return
    settings = Settings.model_validate(table)
    host = PluginHost(settings, [])
    agents, models = host.agents(), dict(generate_reference.plugin_models())
    for name in settings.agents:
        settings.table(agents[name].settings_model, "agents", name)
    for name in settings.plugins:
        if name in models:
            settings.table(models[name], "plugins", name)


@pytest.mark.parametrize(("page", "block"), examples("python"))
def test_every_python_example_can_be_parsed_and_imports_what_is_public(
    page: Path, block: str
) -> None:
    for node in ast.walk(ast.parse(textwrap.dedent(block))):
        if isinstance(node, ast.ImportFrom) and node.module == "palaver":
            for name in node.names:
                assert hasattr(palaver, name.name)


@pytest.mark.parametrize("page", BY_HAND, ids=name_of)
def test_every_excerpt_is_in_its_file(page: Path) -> None:
    """`<!-- from FILE -->` above a block: the block is in that file, line for line."""
    text, flags = page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    for file, block in re.findall(r"<!-- from (\S+) -->\n+```\w+\n(.*?)^```$", text, flags):
        assert block in (ROOT / file).read_text("utf-8"), f"{file} has changed"


@pytest.mark.parametrize(("page", "block"), examples("sh"))
def test_every_command_line_of_palaver_would_be_taken(
    page: Path, block: str, tmp_path: Path
) -> None:
    """With `--help` at its end click looks at all of a line, and runs nothing."""
    environment = {"HOME": str(tmp_path), "PALAVER_DATA_DIR": str(tmp_path)}
    for part in re.split(r"\n| && | \| ", block):
        words = shlex.split(part, comments=True)
        if words and Path(words[0]).name == "palaver":
            result = CliRunner().invoke(cli, [*words[1:], "--help"], env=environment)
            assert result.exit_code == 0, f"{part}: {result.output}"


async def test_the_test_in_how_to_write_a_plugin_passes(tmp_path: Path) -> None:
    [block] = [
        block
        for block in blocks(DOCS / "how-to/write-a-plugin.md", "python")
        if "async def test_" in block
    ]
    names: dict[str, Any] = {}
    exec(block, names)
    await names["test_a_private_key_is_refused"](tmp_path)


async def test_the_chat_in_how_to_write_a_frontend_asks_and_obeys(tmp_path: Path) -> None:
    page = DOCS / "how-to/write-a-frontend.md"
    [block] = [block for block in blocks(page, "python") if "class Wall(" in block]
    names: dict[str, Any] = {}
    exec(block, names)
    wall = names["Wall"]()
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "sessions": {"agent": "scripted"},
            "access": {"members": ["wall:alice", "wall:bob"]},
        }
    )

    async def shows(text: str, kind: str) -> str:
        async with asyncio.timeout(10):
            while True:
                for post, (_, view) in wall.posts.items():
                    if text in view.plain() and view.kind == kind:
                        return str(post)
                await asyncio.sleep(0.01)

    async with open_engine(settings, PluginHost(settings, [])) as engine:
        await wall.start(engine)
        await wall.written("alice", "run ls", "1")
        post = await shows("Bash: ls", "approval")
        foreign = await wall.pressed("bob", post, "Allow once", "2")
        assert "belongs to somebody else" in foreign.said[0]
        await wall.pressed("alice", post, "Allow once", "3")
        await shows("I ran ls.", "answer")
        await wall.written("stranger", "run ls", "4")
        await shows("This bot is private. (You are wall:stranger.)", "notice")
        await wall.written("alice", "/sessions", "5")
        async with asyncio.timeout(10):
            while not wall.whispers:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.01)
        await wall.stop()


COMMAND_IN_WORDS = re.compile(r"`/([a-z]+)(?: [^`]*)?`")
OTHERS = {"ask", "dice", "review", "name", "share", "unshare"}
"""The example's, the agent's own, a word that stands for any, and the frontends'."""


@pytest.mark.parametrize("page", BY_HAND, ids=name_of)
def test_every_chat_command_that_is_spoken_of_exists(page: Path) -> None:
    known = {name for command in BUILT_IN for name in (command.name, *command.aliases)}
    assert set(COMMAND_IN_WORDS.findall(page.read_text("utf-8"))) <= known | OTHERS


@pytest.mark.parametrize("page", BY_HAND, ids=name_of)
def test_every_variable_that_is_spoken_of_is_a_setting(page: Path) -> None:
    known = {"PALAVER_CONFIG"}
    tables = dict(generate_reference.setting_tables()) | {"plugins.echo": palaver_echo.EchoSettings}
    for location, model in tables.items():
        known |= {row[2].strip("`") for row in generate_reference.setting_rows(location, model)}
    assert set(re.findall(r"\bPALAVER_[A-Z_]+\b", page.read_text("utf-8"))) <= known


def test_the_readme_has_its_two_commands_first_and_each_on_one_line() -> None:
    install, test = blocks(ROOT / "README.md", "sh")[:2]
    assert install.count("\n") == test.count("\n") == 1
    assert install.strip().endswith("palaver demo")
    assert "pytest" in test
