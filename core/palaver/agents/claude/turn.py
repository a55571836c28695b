"""The turn that a process is running: what has been said in it, and how long to wait for more."""

import asyncio
import enum
from uuid import UUID

import claude_agent_sdk as sdk

from palaver.agents.claude.messages import Translation
from palaver.agents.claude.transport import ClaudeTransport
from palaver.agents.contract import Asker
from palaver.errors import AgentCrashedError, AgentHungError
from palaver.events import FileSent
from palaver.models import Prompt

_OBEYS_WITHIN_S = 10.0
"""How long an interrupted turn may take to end; usually it is tens of milliseconds."""

_TAKES_WITHIN_S = 30.0
"""How long the program may take to say anything at all about a prompt; usually it is at once."""


class _Signal(enum.Enum):
    ENDED = "the program says no more"
    LOOK = "the time to wait has changed"


class RunningTurn:
    """One turn, from its prompt to its result.

    Attributes:
        attached: paths of the files that came with its prompt.
        asking: how many questions wait for the user; meanwhile silence is no bad sign.
        stop_by: when the program must have obeyed an interrupt, on the event loop's clock; None
            if it was not asked to stop.
    """

    def __init__(
        self,
        turn_id: UUID,
        prompt: Prompt,
        asker: Asker,
        translation: Translation,
        transport: ClaudeTransport,
        silence_s: float,
    ) -> None:
        self.id = turn_id
        self.asker = asker
        self.translation = translation
        self.attached = frozenset(str(attachment.path) for attachment in prompt.attachments)
        self.asking = 0
        self.stop_by: float | None = None
        self._take_by: float | None = None
        self._transport = transport
        self._silence_s = silence_s
        self._heard: asyncio.Queue[sdk.Message | FileSent | Exception | _Signal] = asyncio.Queue()

    def sending(self) -> None:
        """From here on the program must soon show that it takes the prompt."""
        self._take_by = asyncio.get_running_loop().time() + _TAKES_WITHIN_S
        self._transport.taken = ""

    def put(self, heard: sdk.Message | FileSent | Exception) -> None:
        """Hear something; an exception ends the turn."""
        self._heard.put_nowait(heard)

    def end(self) -> None:
        """Hear that the program says no more."""
        self._heard.put_nowait(_Signal.ENDED)

    def stop(self) -> float:
        """Give the program little time from now on to end; when it is over."""
        if self.stop_by is None:
            self.stop_by = asyncio.get_running_loop().time() + _OBEYS_WITHIN_S
            self._heard.put_nowait(_Signal.LOOK)
        return self.stop_by

    async def next(self) -> sdk.Message | FileSent | None:
        """What the program says next; None if it was told to stop and did not in time.

        Raises:
            AgentHungError: if there is no sign of life for too long.
            AgentError: what was put, or that the program has ended.
        """
        while True:
            try:
                async with asyncio.timeout_at(self.stop_by or self._patience_ends()):
                    heard = await self._heard.get()
            except TimeoutError:
                if self.stop_by is not None:
                    return None
                self._check_silence()
                continue
            if heard is _Signal.ENDED:
                raise AgentCrashedError("Claude Code ended in the middle of its work.")
            if isinstance(heard, Exception):
                raise heard
            if not isinstance(heard, _Signal):
                self._take_by = None
                return heard

    def _patience_ends(self) -> float:
        ends = self._transport.heard + self._silence_s
        return ends if self._take_by is None else min(ends, self._take_by)

    def _check_silence(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._take_by is not None and now >= self._take_by:
            self._take_by = None
            if self._transport.taken != str(self.id):
                # So it does, too, with a prompt whose id is in the transcript already.
                raise AgentHungError(
                    "Claude Code passes over the prompt.", hint="Send /retry to try it again."
                )
        if self.asking:
            self._transport.touch()
        if now >= self._transport.heard + self._silence_s:
            raise hung(self._silence_s)


def hung(silence_s: float) -> AgentHungError:
    """The error of a program that is silent for so many seconds."""
    return AgentHungError(
        f"Claude Code has given no sign of life for {silence_s:g} seconds.",
        hint="Send /retry; if its work is that quiet, raise silence_timeout_s in [agents.claude].",
    )
