"""The kit itself: it blocks nothing, and leaves discord.py as it is."""

import subprocess
import sys

import pytest
from blockbuster import blockbuster_ctx

from core.testing.discord.bots import connected
from core.testing.discord.conftest import point_at
from palaver.testing.discord import DiscordServer


async def test_nothing_blocks_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with blockbuster_ctx("palaver.testing.discord"):
        async with DiscordServer() as server:
            point_at(server, monkeypatch)
            member = server.guild().member("member")
            async with connected(server) as bot:
                await member.say("hello", attachments=[("a.txt", b"abc")])
                await server.wait_until(lambda: bot.heard)
                assert await bot.heard[0].attachments[0].read() == b"abc"
                await (await member.command("echo", text="x")).answer()
                await member.open_thread("work")
                server.gateway.drop()
                await server.gateway.wait_for_greeting("RESUME")
    assert server.problems == []


_UNTOUCHED = """
import discord, discord.http, discord.gateway, discord.state, discord.webhook.async_ as hooks
import discord.ui.view as view, discord.ext.tasks as tasks
classes = [discord.Client, discord.http.HTTPClient, discord.gateway.DiscordWebSocket,
           discord.state.ConnectionState, hooks.AsyncWebhookAdapter, view.BaseView, view.ViewStore,
           tasks.Loop, discord.Interaction]
before = [dict(vars(one)) for one in classes]
context = hooks.async_context.get(None)
import palaver.testing.discord
palaver.testing.discord.DiscordServer()
assert [dict(vars(one)) for one in classes] == before
assert hooks.async_context.get(None) is context
"""

_MISSING = """
import sys
sys.modules["simcord"] = None
try:
    import palaver.testing.discord
except ImportError as error:
    assert "pip install simcord" in str(error), error
else:
    raise AssertionError
"""


@pytest.mark.parametrize("script", [_UNTOUCHED, _MISSING], ids=["untouched", "missing"])
def test_in_a_process_of_its_own(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_unknown_privileged_intents_are_an_error() -> None:
    with pytest.raises(ValueError, match="members"):
        DiscordServer(privileged={"everything"})
