"""Writing palaver.toml and the files of secrets beside it; what people wrote there stays."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table
from tomlkit.toml_document import TOMLDocument

from palaver.errors import ConfigError

_BEGINNING = (
    "Palaver's settings. Any of them is explained in docs/reference/settings.md;",
    "`palaver config show` shows what counts, `palaver config check` what is wrong.",
)


def token_file(config: Path, name: str) -> Path:
    """Where a frontend's token goes: beside the configuration."""
    return config.resolve().parent / f"{name}.token"


def write_secret(file: Path, secret: str) -> None:
    """Write a secret that its owner alone can read.

    Raises:
        ConfigError: if it cannot be written.
    """
    _replace(file, f"{secret}\n")


def write_config(
    file: Path,
    frontends: Sequence[str],
    token_files: Mapping[str, Path],
    added: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
) -> None:
    """Add frontends to the configuration, and where their tokens are; all else stays as it is.

    Args:
        token_files: by the plugin's name; it takes the place of a `token`.
        added: by the plugin's name, further settings of its.

    Raises:
        ConfigError: if it cannot be read or written.
    """
    document = _read(file)
    known = document.get("frontends")
    if not isinstance(known, Array):
        known = document["frontends"] = tomlkit.array()
        document["frontends"].comment("what `palaver serve` runs")
        known = document["frontends"]
    for name in frontends:
        if name not in known:
            known.append(name)
    for name, path in token_files.items():
        table = _table(_table(document, "plugins"), name)
        table.pop("token", None)
        table["token_file"] = str(path)
    for name, values in (added or {}).items():
        _table(_table(document, "plugins"), name).update(
            {setting: list(ids) for setting, ids in values.items()}
        )
    _replace(file, tomlkit.dumps(document))


def _read(file: Path) -> TOMLDocument:
    try:
        return tomlkit.parse(file.read_text("utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
        for line in _BEGINNING:
            document.add(tomlkit.comment(line))
        document.add(tomlkit.nl())
        return document
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError(f"cannot be read: {error}", source=file) from error


def _table(parent: TOMLDocument | Table, name: str) -> Table:
    """The table of that name; an empty one, if there was none."""
    known = parent.get(name)
    if known is None:
        parent[name] = tomlkit.table(is_super_table=isinstance(parent, TOMLDocument))
        known = parent[name]
    if not isinstance(known, Table):
        raise ConfigError("is no table that can be added to", location=[name])
    return known


def _replace(file: Path, text: str) -> None:
    """All of the new text or all of the old, whatever happens; through links, for 0600."""
    file = file.resolve()
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - 0600 at once
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        hint = "Give yourself the right to write there, or name another file with --config."
        raise ConfigError(f"cannot be written: {error.strerror}", source=file, hint=hint) from error
