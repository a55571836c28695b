"""The one door that a frontend uses."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from palaver.access import Access, Role
from palaver.agents.contract import Agent
from palaver.agents.pool import Pool
from palaver.commands.contract import CommandCall
from palaver.commands.registry import BUILT_IN, Commands, is_command
from palaver.config import Settings
from palaver.errors import (
    CommandError,
    ConfigError,
    PalaverError,
    SessionNotFoundError,
)
from palaver.feeds import Submission
from palaver.guard import Guard
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.keeping import Keeping, Kept, Seen, agents_own
from palaver.models import (
    Audio,
    DeliveryState,
    Prompt,
    QuestionRequest,
    Session,
    Turn,
    Usage,
)
from palaver.notices import answered, offered, paired
from palaver.offers import Offers
from palaver.outbox import OUTBOX, Outbox
from palaver.pairing import Pairing, code_in
from palaver.plugins import PluginHost
from palaver.recovery import Recovery
from palaver.requests import Requests
from palaver.sessions import SessionService, inbox_of
from palaver.store import Store
from palaver.trash import Trash
from palaver.turns import Turns
from palaver.views import View, decode_button, owner_tag

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Completion:
    """Something the user may be about to type: a command or a session."""

    text: str
    description: str


class Engine:
    """Sessions, turns, commands, access. Open one with `open_engine`.

    Attributes:
        settings: what it runs with.
        sessions, turns, requests, offers: its rooms, for commands; a frontend needs none of them.
    """

    def __init__(self, settings: Settings, host: PluginHost, store: Store) -> None:
        self.settings = settings
        self.host = host
        self.requests = Requests(settings.sessions.approval_timeout_s)
        self.commands = Commands(host.commands(BUILT_IN))
        self.offers = Offers(settings.data_dir / "offers")
        self._store = store
        self._access = Access(settings.access, host.hooks, store.grants)
        self._pairing = Pairing(store.grants)
        self._agent_classes = host.agents()
        self._pools: dict[str, Pool] = {}
        self._seen = Seen()

        def busy(session_id: SessionId) -> bool:
            return self.turns.busy(session_id)

        hooks = host.hooks
        self.sessions = SessionService(settings, store, hooks, self.agent, busy=busy)
        self.trash = Trash(
            settings,
            store,
            hooks,
            self.sessions,
            self.agent,
            busy=busy,
            release=lambda session: self._pool(session.agent).discard(session.id),
        )
        self.turns = Turns(
            settings.sessions, store, host.hooks, self.requests, self._pool, self.sessions
        )
        self._keeping = Keeping(store, self.offers, self.turns, self.requests)
        self._guard = Guard(self._access, self.turns)
        self._recovery = Recovery(store, self.turns, self.agent, self._guard.admits)

    # --- what a user does -----------------------------------------------------------------------

    async def submit(self, prompt: Prompt) -> Submission:
        """Take a message: a command, an answer to the agent's question, or a prompt.

        On return a prompt is durable. A `PalaverError` of a command is answered as a view. What
        strangers send is submitted, too: in a `private` prompt it may be a pairing code.

        Raises:
            AccessDeniedError: if the namespace may not talk to Palaver here.
            AccessUnknownError: if nobody can tell now whether it may.
            StoreError: if the prompt could not be kept; then nothing has happened.
        """
        if prompt in self._seen:
            return Submission(duplicate=True)
        role = await self._access.find(prompt.namespace, prompt.conversation)
        code = code_in(prompt.text, plain=role is None) if prompt.private else None
        if code and (grant := await self._pairing.redeem(prompt.namespace, code)):
            self._seen.add(prompt)
            return Submission.of(paired(grant))
        if role is None:
            raise self._access.refusal(prompt.namespace)
        if is_command(prompt.text) and not prompt.attachments:  # a file has a caption
            return await self._command(prompt, role)
        prompt = agents_own(prompt)
        question = self.requests.question(prompt.namespace, prompt.conversation)
        if question and prompt.text.strip() and not prompt.attachments:
            return self._answer(question, prompt)
        session = await self.sessions.current(prompt)
        try:
            return await self.turns.submit(session, prompt)
        except SessionNotFoundError:  # deleted in this very moment
            return await self.turns.submit(await self.sessions.current(prompt), prompt)

    async def press(self, prompt: Prompt, button: str) -> Submission:
        """Take a click on a button; `prompt` says who clicked, where, and the click's own key.

        Raises:
            AccessDeniedError: as in `submit`.
            CommandError: if the button is somebody else's, or none of ours.
        """
        try:
            tag, command = decode_button(button)
        except ValueError:
            raise CommandError("This button is too old.", hint="Send the command again.") from None
        if tag != owner_tag(prompt.namespace):
            raise CommandError("This button belongs to somebody else.", hint="See /help.")
        return await self.submit(prompt.model_copy(update={"text": command}))

    async def authorized(self, namespace: Namespace, conversation: ConversationId) -> bool:
        """Whether a message from here would be taken; for what comes before a prompt.

        Raises:
            AccessUnknownError, StoreError: if that cannot be found out now, which is no reason to
                say no.
        """
        return await self._access.admits(namespace, conversation)

    async def offer(self, prompts: Sequence[Prompt]) -> Submission:
        """Take what one user sent to one conversation while nobody listened, the oldest first.

        One prompt is run; several are kept, and their sender is asked. On return they are durable.

        Raises:
            AccessDeniedError, AccessUnknownError, StoreError: as in `submit`.
        """
        first = prompts[0]
        if await self._access.find(first.namespace, first.conversation) is None:
            codes = (one for one in prompts if code_in(one.text, plain=True))
            return await self.submit(next(codes, first))
        prompts = [one for one in prompts if not await self._store.ledger.has(one)]
        if not prompts:  # all were taken before a crash, which kept that from being noted
            return Submission(duplicate=True)
        waiting = await self.offers.get(first.namespace, first.conversation)
        if len(prompts) == 1 and not waiting:
            return await self.submit(prompts[0])
        return Submission.of(offered(await self.offers.add(prompts)))

    async def amend(self, prompt: Prompt) -> bool:
        """Its sender has changed a message: `prompt` takes the place of the one with its key.

        False, and nothing happens, if that one has started, is over or was never there.
        """
        return await self._keeping.amend(prompt)

    async def kept(self, prompt: Prompt) -> Kept | None:
        """What a message has become, by the owner, place and key of `prompt`: the prompt that it
        is, or is a part of. None if nothing of it was kept, or not any more.
        """
        return await self._keeping.find(prompt)

    async def inbox(self, prompt: Prompt) -> Path:
        """The folder for the files of a prompt: in the workspace, where the agent may read.

        Raises:
            SessionError: if it cannot be made, or is a link.
        """
        session = await self.sessions.current(prompt)
        return await asyncio.to_thread(inbox_of, session.workspace)

    def asks(self, namespace: Namespace, conversation: ConversationId) -> bool:
        """Whether the agent has asked something here that the next message answers."""
        return self.requests.question(namespace, conversation) is not None

    async def prewarm(self, prompt: Prompt) -> None:
        """The user is about to write: open the current session's process ahead of the prompt.

        Does nothing for strangers.
        """
        if not await self.authorized(prompt.namespace, prompt.conversation):
            return
        session = await self.sessions.current(prompt)
        self.warm(session)

    def warm(self, session: Session) -> None:
        """Open this session's process ahead of its next prompt."""
        if not self.turns.busy(session.id):
            self._pool(session.agent).prewarm(session)

    async def complete(
        self, namespace: Namespace, conversation: ConversationId, text: str
    ) -> list[Completion]:
        """What a half-typed command can become; own sessions only. Empty for strangers."""
        if not text.startswith("/") or not await self.authorized(namespace, conversation):
            return []
        name, space, argument = text[1:].partition(" ")
        if not space:
            return [
                Completion(f"/{command.name}", command.summary)
                for command in self.commands.shown(Role.OWNER)
                if command.name.startswith(name)
            ]
        command = self.commands.get(name)
        if command is None or not command.sessions:
            return []
        sessions = await self.sessions.suggest(namespace, argument.strip())
        return [Completion(f"/{command.name} {one.id}", one.label) for one in sessions]

    async def stop(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Stop one turn, in whatever session it runs or waits; False if it is over or not ours."""
        return await self.turns.stop_turn(namespace, turn_id)

    async def transcribe(self, namespace: Namespace, audio: Audio) -> str | None:
        """What is said in a voice message; None if no plugin can tell.

        Raises:
            PromptRejectedError: if a plugin says why it cannot be told.
        """
        return await self.host.hooks.transcribe(namespace, audio, self)

    # --- what a frontend owes the user ----------------------------------------------------------

    async def attempting(self, turn_id: UUID) -> None:
        """The turn's answer is about to be sent; after a crash it may or may not have arrived."""
        await self._store.ledger.deliver(turn_id, DeliveryState.ATTEMPTED)

    async def delivered(self, turn_id: UUID) -> None:
        """The turn's answer has arrived."""
        await self._store.ledger.deliver(turn_id, DeliveryState.DELIVERED)

    def recover(
        self, frontends: Collection[str], wanted: Callable[[Prompt], bool] = lambda _: True
    ) -> AsyncIterator[tuple[Turn, Submission]]:
        """What was left by a crash or a shutdown, to be delivered by these frontends."""
        return self._recovery.recover(frontends, wanted)

    def watch(self) -> None:
        """Begin to stop the turns of those whose access is taken away; for `open_engine`."""
        self._guard.start()

    async def current(self, namespace: Namespace, conversation: ConversationId) -> Session | None:
        """The conversation's session, if it has one yet; for those who show it all the time."""
        return await self._store.of(namespace).current(conversation)

    async def conversations(self, session: Session) -> list[ConversationId]:
        """Where this is the current session, or was until it was deleted."""
        return await self._store.of(session.namespace).conversations(session.id)

    async def leave(self, frontend: str, conversation: ConversationId) -> None:
        """The chat has deleted the conversation: what was current there may grow old now."""
        await self._store.leave(frontend, conversation)

    async def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """The chat has given the conversation another id for good: everybody's current sessions,
        turns and offers there go over. What is current by the new id already stays.

        Raises:
            StoreError: if that could not be kept; then it can be tried again.
        """
        await self._keeping.move(frontend, before, after)

    # --- for commands ---------------------------------------------------------------------------

    async def last_turn(self, namespace: Namespace, conversation: ConversationId) -> Turn | None:
        """The newest turn of this conversation."""
        return await self._store.ledger.last(namespace, conversation)

    async def usage(self, namespace: Namespace, since: datetime | None = None) -> Usage:
        """What this namespace has used."""
        return await self._store.of(namespace).usage(since)

    def agent(self, name: str) -> Agent:
        """The agent of that name.

        Raises:
            ConfigError: if there is none, or its settings do not hold.
        """
        return self._pool(name).agent

    async def idle(self) -> None:
        """Return when no turn runs or waits in this process."""
        await self.turns.idle()

    async def close(self) -> None:
        """Stop turns (as interrupted), close every process."""
        await self._guard.close()
        await self._recovery.close()
        await self.turns.close()
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    # --- how ------------------------------------------------------------------------------------

    async def _command(self, prompt: Prompt, role: Role) -> Submission:
        if not self._seen.add(prompt):
            return Submission(duplicate=True)
        try:
            command, argument = self.commands.parse(prompt.text, role)
            answer = await command.run(CommandCall(self, prompt, role, argument))
        except PalaverError as error:
            return Submission.of(error_view(error))
        except Exception as error:  # a plugin's command may raise anything
            log.exception("the command %s failed", prompt.text.split()[0])
            words = f"The command failed ({type(error).__name__})."
            return Submission.of(error_view(CommandError(words, hint="The log says more.")))
        return Submission.of(answer) if isinstance(answer, View) else answer

    def _answer(self, question: QuestionRequest, prompt: Prompt) -> Submission:
        if not self._seen.add(prompt):
            return Submission(duplicate=True)
        return Submission.of(answered(self.requests.answer(question, prompt.text)))

    def _pool(self, name: str) -> Pool:
        pool = self._pools.get(name)
        if pool is None:
            kind = self._agent_classes.get(name)
            if kind is None:
                names = ", ".join(sorted(self._agent_classes))
                problem = f"there is no agent {name!r}; there are: {names}"
                raise ConfigError(problem, location=["sessions", "agent"])
            table = self.settings.table(kind.settings_model, "agents", name)
            agent = kind(table, self.settings.data_dir)
            agent.outbox.private += self.settings.private()
            pool = self._pools[name] = Pool(agent)
        return pool


def error_view(error: PalaverError) -> View:
    """An error as a message: what went wrong, and what to do next."""
    return View(title=f"⚠️ {error.message}", text=error.hint, kind="error")


@asynccontextmanager
async def open_engine(settings: Settings, host: PluginHost) -> AsyncIterator[Engine]:
    """An engine on its database, closed in an orderly way at the end.

    Raises:
        StoreError: if the database cannot be used.
    """
    database = settings.database
    location: Path | str = settings.data_dir / "palaver.db"
    if database:
        location = database.get_secret_value()
    store = await Store.open(location)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await Outbox(settings.data_dir / OUTBOX).clear()
        engine = Engine(settings, host, store)
        engine.watch()
        stack.push_async_callback(host.hooks.shutdown, engine)
        stack.push_async_callback(engine.close)
        await host.hooks.startup(engine)
        yield engine
