"""Finding and loading plugins: what fails is said and stops nothing else."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import click
import pytest
from pydantic import BaseModel

from palaver.agents.scripted import ScriptedAgent
from palaver.commands.contract import Command, CommandCall
from palaver.commands.registry import BUILT_IN
from palaver.config import Settings, SettingsModel
from palaver.engine import Engine
from palaver.errors import PluginConflictError, PluginError
from palaver.frontends.contract import Frontend, MessageId, Place
from palaver.frontends.setup import Account, FrontendSetup
from palaver.markers import hookimpl
from palaver.plugins import PluginHost, PluginInfo, PluginState, installed_plugins
from palaver.views import View

Install = Callable[..., PluginInfo]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a plugin of one module, as pip would; its module's names are made unique."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def installed(
        name: str, source: str, *, distribution: str = "", extras: tuple[str, ...] = ()
    ) -> PluginInfo:
        distribution = distribution or name
        module = f"plugin_{distribution}_{name}".replace("-", "_")
        (site / f"{module}.py").write_text(dedent(source))
        metadata = site / f"{distribution.replace('-', '_')}-1.5.dist-info"
        metadata.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", "Version: 1.5"]
        lines += [f"Provides-Extra: {extra}" for extra in extras]
        (metadata / "METADATA").write_text("\n".join(lines) + "\n")
        with (metadata / "entry_points.txt").open("a") as file:
            file.write(f"[palaver]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return PluginInfo(name, module, distribution, "1.5", extras)

    yield installed
    for module in set(sys.modules) - before:
        if module.startswith("plugin_"):
            del sys.modules[module]


def host(*listed: PluginInfo, **tables: Any) -> PluginHost:
    return PluginHost(Settings.model_validate(tables), listed)


def loaded(*listed: PluginInfo, **tables: Any) -> PluginHost:
    made = host(*listed, **tables)
    made.load()
    return made


def failed(info: PluginInfo) -> str:
    assert info.state is PluginState.FAILED
    return info.error


class Bell(Frontend):
    """A frontend of that name, which does nothing."""

    name: ClassVar[str] = "bell"

    async def start(self, engine: Engine) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, place: Place, view: View) -> MessageId:
        return MessageId("")


class Gong(Bell):
    name: ClassVar[str] = "gong"


async def ring(call: CommandCall) -> View:
    return View(title=call.argument)


def command(name: str, *aliases: str) -> Command:
    return Command(name, "Ring it", ring, aliases=aliases)


# --- finding ------------------------------------------------------------------------------------


def test_installed_plugins_are_listed_without_being_imported(install: Install) -> None:
    info = install("quiet", "raise SystemExit('imported')", extras=("quiet", "loud"))
    [found] = [one for one in installed_plugins() if one.name == "quiet"]
    assert found == info
    assert found.state is PluginState.LISTED
    assert info.target not in sys.modules


def test_our_own_plugins_are_installed_with_the_extras_that_they_may_need() -> None:
    ours = {info.name: info for info in installed_plugins() if info.distribution == "palaver"}
    assert ours["cli"].target == "palaver_cli.plugin"
    assert {"telegram", "discord"} <= set(ours["cli"].extras)


# --- loading ------------------------------------------------------------------------------------


def test_a_plugin_is_loaded_when_it_is_asked_for(install: Install) -> None:
    one, two = install("one", ""), install("two", "")
    made = host(one, two)
    made.load(["two"])
    assert (one.state, two.state) == (PluginState.LISTED, PluginState.LOADED)
    assert one.target not in sys.modules
    made.load()
    assert one.state is PluginState.LOADED


def test_a_disabled_plugin_is_not_imported(install: Install) -> None:
    info = install("noisy", "raise AssertionError('imported')")
    made = loaded(info, plugins_disabled=["noisy"])
    assert info.state is PluginState.DISABLED
    assert made.get("noisy") is info


def test_a_broken_plugin_does_not_keep_the_next_from_being_loaded(install: Install) -> None:
    broken, sound = install("a_broken", "1 / 0"), install("b_sound", "")
    loaded(broken, sound)
    assert failed(broken) == "ZeroDivisionError: division by zero"
    assert sound.state is PluginState.LOADED


def test_a_plugin_that_ends_the_program_is_only_a_broken_plugin(install: Install) -> None:
    info = install("quitter", "import sys; sys.exit('no licence')")
    loaded(info)
    assert failed(info) == "SystemExit: no licence"


def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    info = install(
        "chatty", "import no_such_library", distribution="palaver-chatty", extras=("chatty",)
    )
    loaded(info)
    assert failed(info) == "the package 'no_such_library' is not installed."
    assert info.hint == "Install it with: pip install 'palaver-chatty[chatty]'"
    assert caplog.records == []  # nobody has asked for it


def test_a_missing_library_without_an_extra_is_named_with_its_distribution(
    install: Install,
) -> None:
    info = install("chatty", "import no_such_library", distribution="palaver-chatty")
    loaded(info)
    assert info.hint == "Install what palaver-chatty needs."


def test_two_plugins_of_one_name_the_second_is_refused(install: Install) -> None:
    first = install("twin", "", distribution="first")
    second = install("twin", "raise AssertionError", distribution="second")
    made = loaded(first, second)
    assert first.state is PluginState.LOADED
    assert "'twin' is taken" in failed(second)
    assert "plugin_second_twin" in second.hint
    assert made.get("twin") is first


def test_no_plugin_takes_the_place_of_what_is_built_in(install: Install) -> None:
    info = install("agents", "")
    made = loaded(info)
    assert "'agents' is taken" in failed(info)
    assert {"claude", "scripted"} <= set(made.agents())


def test_an_entry_point_names_a_module(install: Install) -> None:
    info = install("object", "plugin = None")
    info.target += ":plugin"
    loaded(info)
    assert "does not name a module" in failed(info)


def test_an_object_can_be_added_once_under_one_name() -> None:
    made, plugin = host(), object()
    made.add("mine", plugin)
    with pytest.raises(PluginConflictError, match="taken"):
        made.add("mine", object())
    with pytest.raises(PluginError, match="already registered"):
        made.add("yours", plugin)
    assert made.get("yours") is None


# --- the contract -------------------------------------------------------------------------------


def test_a_misspelt_hook_is_refused_with_the_nearest_one(install: Install) -> None:
    source = """
        from palaver import hookimpl

        @hookimpl
        def on_promt(prompt): ...
    """
    info = install("typo", source)
    loaded(info)
    assert failed(info) == "plugin typo: there is no hook 'on_promt'; did you mean 'on_prompt'?"


def test_a_hook_that_is_marked_as_optional_may_be_unknown() -> None:
    class Plugin:
        @hookimpl(optionalhook=True)
        def on_something_to_come(self) -> None: ...

    made = host()
    made.add("modern", Plugin())
    assert made.get("modern")


def test_an_argument_that_the_hook_does_not_have_is_refused() -> None:
    class Plugin:
        @hookimpl
        def on_prompt(self, message: object) -> None: ...

    made = host()
    with pytest.raises(PluginError, match="'message'"):
        made.add("greedy", Plugin())
    assert made.get("greedy") is None
    made.add("greedy", object())


class Wrapper:
    @hookimpl(wrapper=True)
    def on_startup(self) -> Iterator[None]:
        yield


class OldWrapper:
    @hookimpl(hookwrapper=True)
    def on_startup(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize("plugin", [Wrapper(), OldWrapper()])
def test_a_hook_wrapper_is_refused(plugin: object) -> None:
    with pytest.raises(PluginError, match="on_startup is a hook wrapper"):
        host().add("wrapper", plugin)


def test_an_async_registration_is_refused() -> None:
    class Plugin:
        @hookimpl
        async def register_commands(self) -> list[Command]:
            return []

    with pytest.raises(PluginError, match="register_commands must be a plain def"):
        host().add("eager", Plugin())


# --- settings -----------------------------------------------------------------------------------


class Loudness(SettingsModel):
    volume: int = 3


class WithSettings:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[BaseModel] = []

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        return Loudness

    @hookimpl
    def register_frontends(self, settings: BaseModel) -> list[Frontend]:
        self.given.append(settings)
        return []

    @hookimpl
    def register_commands(self, settings: BaseModel) -> list[Command]:
        self.given.append(settings)
        return []


def test_hook_register_settings() -> None:
    made, plugin = host(plugins={"loud": {"volume": 11}}), WithSettings()
    made.add("loud", plugin)
    made.frontends()
    made.commands()
    assert plugin.given == [Loudness(volume=11)] * 2
    assert made.table("loud") == Loudness(volume=11)


def test_settings_that_do_not_hold_fail_their_plugin_only(install: Install) -> None:
    info, sound = install("bad", ""), install("good", "")
    loaded(info, sound, plugins={"bad": {"volume": 3}})
    assert failed(info) == "plugins -> bad -> volume: is not a setting"
    assert sound.state is PluginState.LOADED


# --- what plugins add ---------------------------------------------------------------------------


class Adds:
    """Adds what it is given."""

    def __init__(
        self,
        frontends: tuple[Frontend, ...] = (),
        commands: tuple[Command, ...] = (),
        agents: tuple[type[ScriptedAgent], ...] = (),
    ) -> None:
        self._frontends = list(frontends)
        self._commands = list(commands)
        self._agents = list(agents)

    @hookimpl
    def register_frontends(self) -> list[Frontend]:
        return self._frontends

    @hookimpl
    def register_commands(self) -> list[Command]:
        return self._commands

    @hookimpl
    def register_agents(self) -> list[type[ScriptedAgent]]:
        return self._agents


def test_hook_register_frontends() -> None:
    made, bell = host(), Bell()
    made.add("tower", Adds(frontends=(bell, gong := Gong())))
    assert made.frontends() == {"bell": bell, "gong": gong}
    info = made.get("tower")
    assert info
    assert info.frontends == {"bell", "gong"}


def test_hook_register_agents() -> None:
    class Parrot(ScriptedAgent):
        name: ClassVar[str] = "parrot"

    made = host()
    made.add("zoo", Adds(agents=(Parrot,)))
    assert made.agents()["parrot"] is Parrot


def test_hook_register_commands() -> None:
    made = host()
    made.add("tower", Adds(commands=(command("ring", "ding"),)))
    assert set(made.commands()) == {"ring"}


class BellSetup(FrontendSetup):
    name: ClassVar[str] = "bell"
    title: ClassVar[str] = "Bell"
    steps: ClassVar[tuple[str, ...]] = ("Ring it.",)

    async def check(self, settings: BaseModel) -> Account:
        return Account("bell")


def test_hook_register_setup() -> None:
    setup = BellSetup()

    class Plugin:
        @hookimpl
        def register_setup(self) -> list[FrontendSetup]:
            return [setup]

    made = host()
    made.add("tower", Plugin())
    made.add("usurper", Plugin())
    assert made.setups() == {"bell": setup}
    info = made.get("usurper")
    assert info
    assert "'bell' is taken" in failed(info)


def test_hook_register_cli() -> None:
    class Plugin:
        @hookimpl
        def register_cli(self, group: click.Group) -> None:
            group.add_command(click.Command("ring"))

    class Broken:
        @hookimpl
        def register_cli(self, group: click.Group) -> None:
            raise OSError("no bell")

    made, group = host(), click.Group("palaver")
    made.add("broken", Broken())
    made.add("tower", Plugin())
    made.extend_cli(group)
    assert set(group.commands) == {"ring"}
    broken = made.get("broken")
    assert broken
    assert failed(broken) == "OSError: no bell"


@pytest.mark.parametrize(
    "second",
    [
        Adds(frontends=(Gong(), Bell())),
        Adds(commands=(command("gong"), command("ring"))),
        Adds(commands=(command("gong"), command("chime", "ring"))),
        Adds(commands=(command("gong"), command("gong"))),
        Adds(agents=(ScriptedAgent,)),
    ],
)
def test_a_plugin_that_claims_a_taken_name_is_refused_with_all_it_adds(second: Adds) -> None:
    made = host()
    made.add("first", Adds(frontends=(Bell(),), commands=(command("ring"),)))
    made.add("second", second)
    frontends, commands, _ = made.frontends(), made.commands(), made.agents()
    info = made.get("second")
    assert info
    assert "is taken" in failed(info)
    assert set(frontends) == {"bell"}
    assert set(commands) == {"ring"}


@pytest.mark.parametrize("taken", [("help",), ("mine", "new")])
def test_a_built_in_command_cannot_be_taken_over(taken: tuple[str, ...]) -> None:
    made = host()
    made.add("usurper", Adds(commands=(command(*taken),)))
    assert made.commands(BUILT_IN) == {}
    info = made.get("usurper")
    assert info
    assert f"{taken[-1]!r} is taken" in failed(info)


@pytest.mark.parametrize("name", ["", "Ring", "ring-it", "ring it", "1ring", "r" * 33, "läuten"])
def test_a_command_has_a_name_that_every_chat_can_show(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        command(name)
    with pytest.raises(ValueError, match="name"):
        command("ring", name)


@pytest.mark.parametrize("summary", ["", "x" * 101])
def test_a_command_has_a_summary_that_every_menu_can_show(summary: str) -> None:
    with pytest.raises(ValueError, match="summary"):
        Command("ring", summary, ring)


def test_a_plugin_that_fails_while_it_adds_is_recorded_and_heard_no_more() -> None:
    heard = []

    class Broken:
        @hookimpl
        def register_frontends(self) -> list[Frontend]:
            raise RuntimeError("no bell")

        @hookimpl
        def register_commands(self) -> list[Command]:
            heard.append("commands")
            return []

    made = host()
    made.add("broken", Broken())
    assert made.frontends() == {}
    info = made.get("broken")
    assert info
    assert failed(info) == "RuntimeError: no bell"
    assert info.hint == "Report it to the plugin's author."
    assert made.commands() == {}
    assert heard == []
