"""The REPL as a frontend of the engine."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from palaver import Capabilities, Engine, Frontend, MessageId, Namespace, Place, View
from palaver_cli import identity
from palaver_cli.settings import CliSettings

if TYPE_CHECKING:
    from palaver_cli.chat import Chat
    from palaver_cli.screen import Screen
    from palaver_cli.terminal import Terminal


class Repl(Frontend):
    """One user at one terminal; or, without a terminal, lines in and text out.

    Args:
        terminal: instead of the process's standard streams.
        workspace: instead of the working directory.
        namespace: instead of that of the process's user.

    Attributes:
        chat: the conversation, between `start` and `stop`.
    """

    name: ClassVar[str] = identity.FRONTEND
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(
        self,
        settings: CliSettings,
        *,
        terminal: "Terminal | None" = None,
        workspace: Path | None = None,
        namespace: Namespace | None = None,
    ) -> None:
        self._settings = settings
        self._terminal = terminal
        self._workspace = workspace
        self._namespace = namespace
        self._sent = 0
        self.chat: Chat | None = None

    async def start(self, engine: Engine) -> None:
        """Set the conversation up; keys are taken in `run`."""
        from palaver_cli.chat import Chat

        workspace = (self._workspace or Path.cwd()).absolute()
        chat = Chat(
            engine,
            workspace,
            namespace=self._namespace,
            show_thinking=self._settings.show_thinking,
        )
        self._attach(chat, engine)
        self.chat = chat
        await chat.begin()

    async def run(self) -> None:
        """Return when the user has left."""
        if self.chat is not None:
            await self.chat.run()

    async def stop(self) -> None:
        chat, self.chat = self.chat, None
        if chat is not None:
            await chat.end()

    async def send(self, place: Place, view: View) -> MessageId:
        del place  # there is but one
        if self.chat is not None:
            self.chat.surface.view(view)
        self._sent += 1
        return MessageId(str(self._sent))

    def _attach(self, chat: "Chat", engine: Engine) -> None:
        import sys

        from palaver_cli.plain import Plain
        from palaver_cli.terminal import is_terminal, own_terminal

        terminal = self._terminal or (own_terminal() if is_terminal() else None)
        if terminal is None:
            plain = Plain(sys.stdout, sys.stderr)
            chat.attach(plain, lambda: plain.talk(chat, sys.stdin))
            return
        screen = self.screen(chat, terminal, engine.settings.data_dir)
        chat.attach(screen, screen.run)

    def screen(self, chat: "Chat", terminal: "Terminal", data_dir: Path) -> "Screen":
        """What the conversation is drawn on."""
        from palaver_cli.screen import Screen

        return Screen(chat, terminal, self._settings, data_dir)
