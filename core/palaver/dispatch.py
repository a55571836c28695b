"""How a hook is called: one at a time or all at once, contained, in time, and by name.

Pluggy calls hooks one after the other and stops at the first exception; its results would be
coroutines that nobody awaits. So the implementations are asked for one by one through pluggy's
documented `get_hookimpls`, and called here.
"""

import asyncio
import inspect
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

import pluggy

from palaver.errors import AccessUnknownError, PalaverError, PromptRejectedError
from palaver.identity import ConversationId, Namespace
from palaver.models import (
    ApprovalRequest,
    Audio,
    CleanupReport,
    Decision,
    Prompt,
    Session,
    Turn,
)
from palaver.threads import Threads

log = logging.getLogger(__name__)


class Implementation(Protocol):
    """What is used of pluggy's `HookImpl`."""

    @property
    def plugin_name(self) -> str: ...
    @property
    def function(self) -> Any: ...
    @property
    def argnames(self) -> tuple[str, ...]: ...


class Hooks:
    """Every hook that is called at run time, as a typed method.

    Args:
        manager: with all plugins registered.
        homes: a plugin's name to the frontends it has registered; those hear only about these.
        timeout_s: seconds an implementation may take.
    """

    def __init__(
        self, manager: pluggy.PluginManager, homes: dict[str, set[str]], timeout_s: float
    ) -> None:
        self._manager = manager
        self._homes = homes
        self._timeout_s = timeout_s
        self._threads = Threads()

    # --- told -----------------------------------------------------------------------------------

    async def startup(self, engine: object) -> None:
        await self._tell("on_startup", None, engine=engine)

    async def shutdown(self, engine: object) -> None:
        await self._tell("on_shutdown", None, engine=engine)

    async def session_created(self, session: Session) -> None:
        await self._tell("on_session_created", session.namespace, session=session)

    async def session_resumed(self, session: Session) -> None:
        await self._tell("on_session_resumed", session.namespace, session=session)

    async def session_lost(self, lost: Session, replacement: Session) -> None:
        await self._tell("on_session_lost", lost.namespace, lost=lost, replacement=replacement)

    async def session_deleted(self, session: Session) -> None:
        await self._tell("on_session_deleted", session.namespace, session=session)

    async def turn_finished(self, session: Session, turn: Turn) -> None:
        await self._tell("on_turn_finished", session.namespace, session=session, turn=turn)

    async def cleanup(self, report: CleanupReport) -> None:
        await self._tell("on_cleanup", report.namespace, report=report)

    def hears_events(self, namespace: Namespace) -> bool:
        """Whether any plugin listens to this namespace's events; most often none does."""
        return any(True for _ in self._implementations("on_event", namespace))

    async def event(self, session: Session, turn: Turn, event: object) -> None:
        await self._tell("on_event", session.namespace, session=session, turn=turn, event=event)

    # --- first answer wins ----------------------------------------------------------------------

    async def authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        """None if no plugin has an opinion.

        Raises:
            AccessUnknownError: if a plugin that is asked fails.
        """
        for implementation in self._implementations("on_authorize", namespace):
            try:
                answer = await self._call(
                    implementation, namespace=namespace, conversation=conversation
                )
            except _Failed as failed:
                raise AccessUnknownError from failed.__cause__
            if answer is not None:
                return answer is True
        return None

    async def approval(self, request: ApprovalRequest) -> Decision | None:
        """None if the user is to be asked."""
        answer = await self._first("on_approval", request.namespace, request=request)
        return answer if isinstance(answer, Decision) else None

    async def transcribe(
        self, namespace: Namespace, audio: Audio, engine: object = None
    ) -> str | None:
        """None if no plugin can; a transcription takes as long as it takes.

        Raises:
            PromptRejectedError: as a plugin raised it.
        """
        for implementation in self._implementations("transcribe", namespace):
            try:
                answer = await self._call(implementation, limit_s=None, audio=audio, engine=engine)
            except _Failed as failed:
                if isinstance(failed.__cause__, PromptRejectedError):
                    raise failed.__cause__ from None
                continue
            if answer is not None:
                return answer if isinstance(answer, str) else None
        return None

    # --- in order -------------------------------------------------------------------------------

    async def prompt(self, session: Session, prompt: Prompt) -> Prompt:
        """The prompt as the plugins want it.

        Raises:
            PromptRejectedError: as a plugin raised it.
        """
        kept = {"namespace", "conversation", "key"}
        implementations = list(self._implementations("on_prompt", session.namespace))
        for implementation in reversed(implementations):  # in the order of registration
            try:
                answer = await self._call(implementation, session=session, prompt=prompt)
            except _Failed as failed:
                if isinstance(failed.__cause__, PromptRejectedError):
                    raise failed.__cause__ from None
                continue
            if isinstance(answer, Prompt):
                prompt = answer.model_copy(update={name: getattr(prompt, name) for name in kept})
        return prompt

    # --- how ------------------------------------------------------------------------------------

    def _implementations(self, hook: str, namespace: Namespace | None) -> Iterator[Implementation]:
        """Those that may hear about this namespace, last registered first, as pluggy orders."""
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            homes = self._homes.get(implementation.plugin_name)
            if namespace is None or not homes or namespace.frontend in homes:
                yield implementation

    async def _tell(self, hook: str, namespace: Namespace | None, **arguments: object) -> None:
        calls = [
            self._contained(implementation, **arguments)
            for implementation in self._implementations(hook, namespace)
        ]
        if calls:
            await asyncio.gather(*calls)

    async def _first(
        self, hook: str, namespace: Namespace, *, limit_s: float | None = -1, **arguments: object
    ) -> object:
        for implementation in self._implementations(hook, namespace):
            answer = await self._contained(implementation, limit_s=limit_s, **arguments)
            if answer is not None:
                return answer
        return None

    async def _contained(self, implementation: Implementation, **arguments: Any) -> object:
        try:
            return await self._call(implementation, **arguments)
        except _Failed:
            return None

    async def _call(
        self, implementation: Implementation, *, limit_s: float | None = -1, **arguments: object
    ) -> object:
        """Call one implementation; whatever goes wrong is logged and becomes `_Failed`."""
        limit_s = self._timeout_s if limit_s == -1 else limit_s
        name = implementation.plugin_name
        what = implementation.function.__name__
        used = {key: arguments[key] for key in implementation.argnames if key in arguments}
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                if inspect.iscoroutinefunction(implementation.function):
                    return await implementation.function(**used)
                answer = await self._threads.call(name, partial(implementation.function, **used))
                return await answer if inspect.isawaitable(answer) else answer
        except PromptRejectedError as error:
            raise _Failed from error
        except PalaverError as error:  # it says in words what is wrong
            log.warning("plugin %s: %s: %s", name, what, error)
            raise _Failed from error
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            log.exception("plugin %s: %s was cancelled by the plugin itself", name, what)
            raise _Failed from error
        # a plugin may raise anything, and may try to end the program; it must not break a turn
        except (Exception, SystemExit) as error:
            if limit.expired():
                log.error("plugin %s: %s took longer than %s s", name, what, limit_s)  # noqa: TRY400
            else:
                log.exception("plugin %s: %s failed", name, what)
            raise _Failed from error


def _is_cancelled() -> bool:
    """Whether somebody wants this task to end, and not just what it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """An implementation gave no answer; the reason is logged, and its `__cause__`."""
