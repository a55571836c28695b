"""Writes docs/reference from the code, whose docstrings are the reference.

    python docs/generate_reference.py

A test compares the pages with what this would write.
"""

import ast
import configparser
import enum
import importlib
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import palaver.api
import palaver.hookspecs
from palaver import errors, events
from palaver.access import Role
from palaver.commands.registry import BUILT_IN
from palaver.config import ENVIRONMENT_PREFIX, NESTING, Settings, SettingsModel
from palaver.plugins import PluginHost

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "reference"
_SETTING_IN_WORDS = r"`(\w+)`: ([^.]+\.)"
MISSING = "(it has no docstring)"
NOTE = "<!-- Written by docs/generate_reference.py from the code; change it there. -->"


# --- docstrings ---------------------------------------------------------------------------------


@dataclass
class Doc:
    """A docstring, taken apart."""

    text: str = ""
    sections: dict[str, dict[str, str]] = field(default_factory=dict)


def read(docstring: str | None) -> Doc:
    """Take apart paragraphs and the sections `Attributes:`, `Args:`, `Raises:`."""
    doc = Doc()
    paragraphs = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring or "")):
        head, _, rest = block.partition("\n")
        if head in ("Attributes:", "Args:", "Raises:"):
            doc.sections[head.rstrip(":")] = dict(_entries(rest))
        else:
            paragraphs.append(block if block.startswith(("- ", "    ")) else sentences(block))
    doc.text = "\n\n".join(paragraphs)
    return doc


def _entries(block: str) -> Iterator[tuple[str, str]]:
    """`name, name: text`, with its further lines indented."""
    for entry in re.split(r"\n(?=\S)", textwrap.dedent(block)):
        names, _, text = entry.partition(":")
        for name in names.split(", "):
            yield name.strip(), " ".join(text.split())


def sentences(block: str) -> str:
    """One sentence a line."""
    return re.sub(r"(?<=[a-z`)\]]\.) (?=[A-Z`])", "\n", " ".join(block.split()))


def page(name: str, title: str, *parts: str) -> tuple[str, str]:
    return name, "\n\n".join([f"# {title}", NOTE, *filter(None, parts)]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


# --- hooks --------------------------------------------------------------------------------------


def hooks_page() -> tuple[str, str]:
    source = inspect.getsource(palaver.hookspecs)
    _, _, introduction = read(palaver.hookspecs.__doc__).text.partition("\n\n")
    parts = [introduction]
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    banners = {
        number: match[1]
        for number, line in enumerate(source.splitlines(), 1)
        if (match := re.fullmatch(r"# --- (.+?) -+", line))
    }
    for node in nodes:
        above = [banner for line, banner in banners.items() if line < node.lineno]
        if above and f"## {_capital(above[-1])}" not in parts:
            parts.append(f"## {_capital(above[-1])}")
        parts.append(_hook(node))
    return page("hooks.md", "Hooks", *parts)


def signature(node: ast.FunctionDef) -> str:
    """A hook as it is written, on one line or on several."""
    returns = ast.unparse(node.returns) if node.returns else "None"
    line = f"def {node.name}({ast.unparse(node.args)}) -> {returns}: ..."
    line = re.sub(r"'([^']+)'", r"\1", line)
    if len(line) <= 100:
        return line
    arguments = "".join(f"    {ast.unparse(one)},\n" for one in node.args.args)
    return f"def {node.name}(\n{arguments}) -> {returns}: ..."


def _hook(node: ast.FunctionDef) -> str:
    doc = read(ast.get_docstring(node))
    return "\n\n".join(
        [f"### {node.name}", f"```python\n{signature(node)}\n```", doc.text, *_sections(doc)]
    )


def _sections(doc: Doc) -> list[str]:
    return [
        f"{name}:\n\n" + "\n".join(f"- `{key}`: {text}" for key, text in entries.items())
        for name, entries in doc.sections.items()
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- settings -----------------------------------------------------------------------------------


def settings_page() -> tuple[str, str]:
    introduction = (
        "Settings are read from `palaver.toml`; each can be overridden by the environment variable "
        "beside it.\n"
        "`palaver config show` prints what holds, `palaver config check` finds mistakes.\n"
        "A list or a table is written in a variable as in TOML: "
        "`PALAVER_FRONTENDS='[\"telegram\"]'`.\n"
        "A relative path is relative to the folder in which Palaver is started; `~` is your home."
    )
    tables = (_table_of(location, model) for location, model in setting_tables())
    return page("settings.md", "Settings", introduction, *tables)


def setting_tables() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every table of settings: where it is, and its model."""
    yield from _with_inner_tables("", Settings)
    for name, kind in sorted(PluginHost(Settings(), []).agents().items()):
        yield from _with_inner_tables(f"agents.{name}", kind.settings_model)
    for name, model in plugin_models():
        yield from _with_inner_tables(f"plugins.{name}", model)


def _with_inner_tables(
    location: str, model: type[BaseModel]
) -> Iterator[tuple[str, type[BaseModel]]]:
    yield location, model
    for name, info in model.model_fields.items():
        if inner := _inner_model(info):
            yield from _with_inner_tables(f"{location}.{name}".strip("."), inner)


def plugin_models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Our own plugins' settings, by the entry points of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    for line in parser["options.entry_points"]["palaver"].strip().splitlines():
        name, _, module = (part.strip() for part in line.partition("="))
        register = getattr(importlib.import_module(module), "register_settings", None)
        yield name, (register and register()) or SettingsModel


def setting_rows(location: str, model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Name, default, variable and meaning of each setting that is no table of its own."""
    meanings = _meanings(model)
    return [
        (
            f"`{name}`",
            _default(info),
            f"`{variable(location, name)}`",
            meanings[name],
        )
        for name, info in model.model_fields.items()
        if not _is_table(info)
    ]


def variable(location: str, name: str) -> str:
    """The environment variable of a setting."""
    keys = [*filter(None, location.split(".")), name]
    return ENVIRONMENT_PREFIX + NESTING.join(keys).upper()


def _table_of(location: str, model: type[BaseModel]) -> str:
    parts = [f"## [{location}]" if location else "## At the top"]
    if location:
        doc = re.sub(_SETTING_IN_WORDS, "", read(model.__doc__).text)
        parts.append(re.sub(r"`\[[\w.]+\]`(\.|: )\s*", "", doc).strip())
    if rows := setting_rows(location, model):
        parts.append(table(("setting", "default", "variable", "meaning"), rows))
    return "\n\n".join(filter(None, parts))


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    meanings: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
            meanings |= read(doc).sections.get("Attributes", {})
            meanings |= dict(re.findall(_SETTING_IN_WORDS, doc))
    return meanings


def _default(info: FieldInfo) -> str:
    if info.default_factory is not None:
        return "in the user's data folder"
    if info.default is None:
        return ""
    value = list(info.default) if isinstance(info.default, tuple) else info.default
    return f"`{json.dumps(value)}`"


def _inner_model(info: FieldInfo) -> type[BaseModel] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_table(info: FieldInfo) -> bool:
    return bool(_inner_model(info)) or str(info.annotation).startswith("dict[")


# --- commands -----------------------------------------------------------------------------------


def commands_page() -> tuple[str, str]:
    shown = [command for command in BUILT_IN if not command.hidden]
    hidden = [command for command in BUILT_IN if command.hidden]
    introduction = (
        "What you can type in every chat; in a chat with buttons most of it is also a button.\n"
        "Anything else you write goes to the agent.\n"
        "`//name` is the agent's own command `/name`.\n"
        "An unknown command is answered with the nearest ones.\n"
        "A plugin can add commands; `/help` shows them all."
    )
    buttons = "## What buttons stand for\n\nYou type these only in a chat that has no buttons."
    return page(
        "commands.md",
        "Chat commands",
        introduction,
        *map(_command, shown),
        buttons,
        *map(_command, hidden),
    )


def _command(command: Any) -> str:
    names = ", ".join(f"`/{name}`" for name in command.aliases)
    lines = [
        f"### /{command.name}",
        f"`{f'/{command.name} {command.argument}'.strip()}`: {command.summary}.",
        read(command.run.__doc__).text,
        f"Also: {names}." if names else "",
        "For owners only." if command.role is Role.OWNER else "",
    ]
    return "\n\n".join(filter(None, lines))


# --- events, errors, the public surface ---------------------------------------------------------


def events_page() -> tuple[str, str]:
    introduction = (
        f"{read(events.__doc__).text}\n\n"
        "A frontend gets them by iterating what `Engine.submit` returns, a plugin by the hook "
        "[`on_event`](hooks.md#on_event), a script as lines of JSON from `palaver ask --json`.\n"
        "`type` tells them apart."
    )
    source = inspect.getsource(events)
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    parts = [_event(getattr(events, node.name)) for node in nodes]
    return page("events.md", "Events", introduction, *parts)


def _event(kind: type[BaseModel]) -> str:
    doc = read(kind.__doc__)
    meanings = doc.sections.get("Attributes", {})
    rows = [
        (f"`{name}`", f"`{_type(info)}`", meanings.get(name, ""))
        for name, info in kind.model_fields.items()
        if name != "type"
    ]
    tag = kind.model_fields["type"].default
    listed = table(("field", "type", "meaning"), rows) if rows else ""
    return "\n\n".join(filter(None, [f"### {kind.__name__}", f"`type`: `{tag}`", doc.text, listed]))


def _type(info: FieldInfo) -> str:
    text = info.annotation.__name__ if isinstance(info.annotation, type) else str(info.annotation)
    return re.sub(r"\b\w+\.(?=\w)", "", text)


def errors_page() -> tuple[str, str]:
    introduction, _, tree = inspect.cleandoc(errors.__doc__ or "").partition("\n\n")
    nodes = ast.parse(inspect.getsource(errors)).body
    kinds = [getattr(errors, node.name) for node in nodes if isinstance(node, ast.ClassDef)]
    drawn = f"```text\n{tree}\n```"
    return page("errors.md", "Errors", sentences(introduction), drawn, *map(_error, kinds))


def _error(kind: type[errors.PalaverError]) -> str:
    doc = read(kind.__doc__)
    hint = f"Hint: {kind.hint}" if kind.hint else ""
    code = f"The `palaver` command leaves with {kind.exit_code}."
    return "\n\n".join(
        filter(None, [f"### {kind.__name__}", doc.text, *_sections(doc), hint, code])
    )


def api_page() -> tuple[str, str]:
    introduction = (
        "What a plugin may import from `palaver`; nothing behind it is promised to stay.\n"
        "In its tests a plugin may also import `palaver.testing`.\n"
        "The whole contract of each name is its docstring."
    )
    rooms: dict[str, list[str]] = {}
    for name in palaver.api.__all__:
        rooms.setdefault(_home(name), []).append(name)
    parts = []
    for room in sorted(rooms):
        rows = [(f"`{name}`", _first_line(name)) for name in rooms[room]]
        parts.append(f"## {room}\n\n{table(('name', 'meaning'), rows)}")
    return page("api.md", "The public surface", introduction, *parts)


def _home(name: str, importer: ModuleType = palaver.api) -> str:
    """The module that a name is made in, as the imports say."""
    value = getattr(importer, name)
    if inspect.ismodule(value):
        return value.__name__
    for node in ast.parse(inspect.getsource(importer)).body:
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                if name in (one.name, one.asname):
                    return _home(one.name, importlib.import_module(str(node.module)))
    return importer.__name__


def _first_line(name: str) -> str:
    value = getattr(palaver.api, name)
    docstring = _written_below(name) or inspect.getdoc(value) or ""
    line = " ".join(docstring.split("\n\n")[0].split())
    if isinstance(value, type) and issubclass(value, enum.Enum):
        values = ", ".join(f"`{member.name}`" for member in value)
        line = f"{line} One of {values}."
    return line


def _written_below(name: str) -> str:
    """The docstring below an assignment, which Python itself forgets."""
    body = ast.parse(inspect.getsource(importlib.import_module(_home(name)))).body
    for node, after in itertools.pairwise(body):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named:
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return str(after.value.value)
            return MISSING
    return ""


# --- all of it ----------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Every page of docs/reference that is written from the code, but for that of the program."""
    return dict(
        [
            hooks_page(),
            settings_page(),
            commands_page(),
            events_page(),
            errors_page(),
            api_page(),
        ]
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
