"""A plugin in one file: a chat on a UNIX socket, the command `/dice`, and a guard for prompts.

    pip install .
    palaver serve                # with frontends = ["echo"], and members = ["echo:*"] in [access]
    nc -U ~/.local/share/palaver/echo.sock

A line is a message. Who writes is known from the kernel, so nobody can pretend to be another user
of the machine. All connections of one user are one conversation.
"""

import asyncio
import random
import re
import socket
import struct
from pathlib import Path
from pwd import getpwuid
from typing import ClassVar
from uuid import uuid4

from pydantic import BaseModel

from palaver import (
    Command,
    CommandCall,
    CommandError,
    ConversationId,
    Engine,
    FolderPath,
    Frontend,
    Incoming,
    MessageId,
    Namespace,
    Place,
    PluginError,
    Prompt,
    PromptRejectedError,
    Reception,
    SettingsModel,
    View,
    hookimpl,
)

LONGEST_LINE = 1 << 20
HOME = ConversationId("home")


class EchoSettings(SettingsModel):
    """`[plugins.echo]`.

    Attributes:
        socket: where the chat listens; by default `echo.sock` in Palaver's data folder.
        mode: who may connect, as the permissions of that file.
    """

    socket: FolderPath | None = None
    mode: int = 0o600


class EchoFrontend(Frontend):
    """The chat. It can send text and nothing more; Palaver does without the rest."""

    name: ClassVar[str] = "echo"

    def __init__(self, settings: EchoSettings) -> None:
        self._settings = settings
        self._server: asyncio.Server | None = None
        self._writers: dict[Namespace, list[asyncio.StreamWriter]] = {}
        self._joined = asyncio.Condition()

    async def start(self, engine: Engine) -> None:
        self._reception = Reception(engine, self, engine.settings.data_dir / self.name)
        await self._reception.open()
        self._path = self._settings.socket or engine.settings.data_dir / "echo.sock"
        if await _somebody_listens(self._path):
            raise PluginError(self.name, f"somebody else listens at {self._path}")
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, self._path, limit=LONGEST_LINE
            )
        except OSError as error:
            raise PluginError(self.name, f"cannot listen at {self._path}: {error}") from error
        self._path.chmod(self._settings.mode)
        await self._reception.recover()

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in [writer for writers in self._writers.values() for writer in writers]:
            writer.close()
        await self._reception.close()
        self._path.unlink(missing_ok=True)

    async def send(self, place: Place, view: View) -> MessageId:
        """Show it to its reader; if nobody of that name is connected, wait until somebody is."""
        while True:
            async with self._joined:
                await self._joined.wait_for(lambda: self._writers.get(place.namespace))
            writers = self._writers.get(place.namespace, ())
            sent = await asyncio.gather(
                *(_write(writer, view) for writer in writers), return_exceptions=True
            )
            if None in sent:  # at least one of the reader's connections has it
                return MessageId("")

    def user(self, writer: asyncio.StreamWriter) -> str:
        """Whose connection this is: Linux says so (`SO_PEERCRED`, unix(7))."""
        connection: socket.socket = writer.get_extra_info("socket")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        _, uid, _ = struct.unpack("3i", credentials)
        try:
            return getpwuid(uid).pw_name
        except KeyError:
            return f"uid-{uid}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        namespace = Namespace(self.name, self.user(writer))
        async with self._joined:
            self._writers.setdefault(namespace, []).append(writer)
            self._joined.notify_all()
        try:
            while line := await reader.readline():
                if text := line.decode("utf-8", "replace").strip():
                    await self._take(namespace, text)
        except ValueError:
            await _write(writer, View(title="That line is too long.", kind="error"))
        except ConnectionError:
            pass  # it has gone away in the middle of a line
        finally:
            self._writers[namespace].remove(writer)
            writer.close()

    async def _take(self, namespace: Namespace, text: str) -> None:
        message = Incoming(
            sender=namespace,
            conversation=HOME,
            key=uuid4().hex,  # a line has no name of its own
            text=text,
            speaker=namespace.user,
            private=True,
            command=text.startswith("/"),
        )
        await self._reception.take(message)


async def _write(writer: asyncio.StreamWriter, view: View) -> None:
    writer.write(f"{view.plain()}\n\n".encode())
    await writer.drain()


async def _somebody_listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def dice(call: CommandCall) -> View:
    """`/dice`, or `/dice 20`."""
    sides = call.argument or "6"
    if not sides.isdecimal() or not 2 <= int(sides) <= 1000:
        raise CommandError("A die has 2 to 1000 sides.", hint="Try /dice 20.")
    return View(title=f"🎲 {random.randint(1, int(sides))}")


# --- what Palaver calls -------------------------------------------------------------------------


@hookimpl
def register_settings() -> type[BaseModel]:
    return EchoSettings


@hookimpl
def register_frontends(settings: EchoSettings) -> list[Frontend]:
    return [EchoFrontend(settings)]


@hookimpl
def register_commands() -> list[Command]:
    return [Command("dice", "Roll a die", dice, argument="[SIDES]")]


@hookimpl
def on_prompt(prompt: Prompt) -> None:
    """Keep private keys from the model, and out of the transcript."""
    if re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----", prompt.text):
        raise PromptRejectedError("There is a private key in your message.")
