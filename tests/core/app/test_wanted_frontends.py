"""Only the frontends that are to run are made: each brings a library, and memory."""

from pathlib import Path

import pytest

from palaver.app.service import wanted_frontends
from palaver.config import Settings
from palaver.engine import Engine
from palaver.errors import ConfigError
from palaver.frontends.contract import Frontend, MessageId, Place
from palaver.markers import hookimpl
from palaver.plugins import PluginHost
from palaver.views import View


class Mute(Frontend):
    """A frontend of any name."""

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # a class variable of real frontends

    async def start(self, engine: Engine) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, place: Place, view: View) -> MessageId:
        return MessageId("")


class Plugin:
    """Has frontends of these names; `asked` counts how often they were made."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked = 0

    @hookimpl
    def register_frontends(self) -> list[Frontend]:
        self.asked += 1
        return [Mute(name) for name in self.names]


def hosted(tmp_path: Path, *frontends: str, **plugins: Plugin) -> tuple[Settings, PluginHost]:
    settings = Settings(data_dir=tmp_path, frontends=frontends)
    host = PluginHost(settings, [])
    for name, plugin in plugins.items():
        host.add(name, plugin)
    return settings, host


def test_a_plugin_of_the_frontends_name_is_the_only_one_asked(tmp_path: Path) -> None:
    bell, gong = Plugin("bell"), Plugin("gong")
    settings, host = hosted(tmp_path, "bell", bell=bell, gong=gong)
    assert [one.name for one in wanted_frontends(settings, host)] == ["bell"]
    assert (bell.asked, gong.asked) == (1, 0)


def test_others_are_asked_while_one_is_missing_and_each_once(tmp_path: Path) -> None:
    bell, tower = Plugin("bell"), Plugin("chime", "horn")
    settings, host = hosted(tmp_path, "horn", "bell", "horn", bell=bell, tower=tower)
    assert [one.name for one in wanted_frontends(settings, host)] == ["horn", "bell"]
    assert (bell.asked, tower.asked) == (1, 1)


def test_a_name_is_taken_by_the_plugin_that_has_it(tmp_path: Path) -> None:
    bell, tower = Plugin("bell"), Plugin("bell", "horn")
    settings, host = hosted(tmp_path, "bell", "horn", bell=bell, tower=tower)
    with pytest.raises(ConfigError, match="there is no frontend 'horn'; there are: bell"):
        wanted_frontends(settings, host)
    info = host.get("tower")
    assert info
    assert "the name 'bell' is taken" in info.error
