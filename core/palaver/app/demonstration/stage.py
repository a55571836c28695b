"""The demo's own small world: a model in this process, and a folder for everything else.

Nothing of the user's is read or written: not the home folder, not Claude Code's configuration,
not `palaver.toml`, not the data folder.
"""

import asyncio
import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from palaver.app.runtime import Runtime
from palaver.plugins import installed_plugins
from palaver.testing.model import LoopbackModel

TERMINAL_PLUGIN = "cli"
"""The plugin of the terminal, which brings `palaver chat`. No other has a part in the demo."""

_HIDDEN_PREFIXES = ("PALAVER_", "ANTHROPIC_", "CLAUDE", "XDG_", "AWS_", "GOOGLE_", "CLOUD_ML_")
"""They would lead Palaver or Claude Code to the user's own settings, accounts and models."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays.

    Attributes:
        folder: everything is in here; it goes away in the end.
        workspace: where the agent works; the working directory for that time.
        runtime: settings for this world.
        model: what answers the agent.
    """

    folder: Path
    workspace: Path
    runtime: Runtime
    model: LoopbackModel


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Set up the demo's world, and take it down."""
    with (
        tempfile.TemporaryDirectory(prefix="palaver-demo-") as name,
        serving(LoopbackModel()) as model,
    ):
        folder = Path(name).resolve()
        workspace, home = folder / "workspace", folder / "home"
        workspace.mkdir()
        home.mkdir()
        config = folder / "palaver.toml"
        config.write_text(_config(folder / "data"), "utf-8")
        with environment(model.environment(home)), contextlib.chdir(workspace):
            yield Stage(folder, workspace, Runtime(config), model)


@contextlib.contextmanager
def serving(model: LoopbackModel) -> Iterator[LoopbackModel]:
    """Serve a model from a thread, whatever event loop the program itself may run."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loopback model", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(model.__aenter__(), loop).result()
        try:
            yield model
        finally:
            leaving = model.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(leaving, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Put these in the place of all variables that lead to the user's own things."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_HIDDEN_PREFIXES):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _config(data_dir: Path) -> str:
    others = [info.name for info in installed_plugins() if info.name != TERMINAL_PLUGIN]
    # a JSON text, and a list of them, is TOML as well
    return (
        f"data_dir = {json.dumps(str(data_dir))}\n"
        f"plugins_disabled = {json.dumps(sorted(set(others)))}\n"
        "\n[agents.claude]\nmax_warm = 2\n"
    )
