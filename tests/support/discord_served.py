"""`palaver serve` as a process of its own, on a loopback Discord."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from palaver.testing.discord import DiscordServer
from support.discords import DEAD_S, GUILD, MEMBER, OWNER
from support.served import Served, begun

Value = str | float | bool | list[int]


@asynccontextmanager
async def serving(config: Path, **environment: str) -> AsyncIterator[Served]:
    """`palaver serve`, ready."""
    async with begun(config, **environment) as served:
        await served.until_said("ready: discord")
        yield served


def write_config(
    server: DiscordServer,
    folder: Path,
    *,
    agent: str = "scripted",
    name: str = "palaver",
    **discord: Value,
) -> Path:
    """A palaver.toml with its data beside it; `discord` adds to that table."""
    table: Mapping[str, Value] = {
        "token": server.token,
        "api_base": server.api_base,
        "gateway": server.gateway_url,
        "guilds": [GUILD],
        "answer_timeout_s": DEAD_S,
        **discord,
    }
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    file = folder / f"{name}.toml"
    file.write_text(
        f"""
frontends = ["discord"]
data_dir = "{folder}/{name}"
[access]
owners = ["discord:{OWNER}"]
members = ["discord:{MEMBER}"]
[sessions]
agent = "{agent}"
[plugins.discord]
{settings}
"""
    )
    return file
