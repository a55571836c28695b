"""Every hook of Palaver, its whole contract in its docstring.

A plugin is a module named by an entry point of the group `palaver`. It implements hooks with the
decorator `palaver.hookimpl` and names only the arguments it uses; a hook may grow new ones.
Unless it says otherwise a hook may be `def` or `async def`. A `def` runs in a thread, so that it
can never hold up the event loop. Hook wrappers are refused: they cannot wrap what is async.

How answers combine is said by each hook as one of:

- **collected**: every plugin's answers are used.
- **first answer wins**: plugins are asked in the reverse order of their registration, as pluggy
  does; the first that does not answer None is heard, later ones are not asked.
- **told**: all hear it concurrently, each under a time limit; answers are not looked at. An
  exception is logged with the plugin's name and changes nothing else.

A plugin that registers frontends hears only about the namespaces of its own frontends; a plugin
that registers none hears about all.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from palaver.events import Event
from palaver.identity import ConversationId, Namespace
from palaver.markers import PROJECT, hookimpl, hookspec
from palaver.models import (
    ApprovalRequest,
    Audio,
    CleanupReport,
    Decision,
    Prompt,
    Session,
    Turn,
)

if TYPE_CHECKING:
    import click

    from palaver.agents.contract import Agent
    from palaver.commands.contract import Command
    from palaver.engine import Engine
    from palaver.frontends.contract import Frontend
    from palaver.frontends.setup import FrontendSetup

__all__ = ["PROJECT", "hookimpl", "hookspec"]

# --- what a plugin adds: at start-up, plain `def` only ------------------------------------------


@hookspec
def register_settings() -> type[BaseModel] | None:
    """The pydantic model of the plugin's own table `[plugins.NAME]`.

    The table is checked against it before anything else of the plugin is called; mistakes are
    reported as `plugins -> NAME -> field`. Without it the plugin has no settings.
    """


@hookspec
def register_frontends(settings: BaseModel) -> "list[Frontend]":  # type: ignore[empty-body]
    """The plugin's frontends, not yet started. Collected; called once, when they are to run.

    Args:
        settings: the plugin's own table, an instance of the model it has registered.

    A name that is taken is refused: the later plugin is recorded as failed.
    """


@hookspec
def register_setup() -> "list[FrontendSetup]":  # type: ignore[empty-body]
    """How the plugin's frontends are set up and tried. Collected.

    For `palaver init` and `palaver doctor`; a frontend without it is set up by hand.
    """


@hookspec
def register_agents() -> "list[type[Agent]]":  # type: ignore[empty-body]
    """The plugin's agents, as classes. Collected; as with frontends, a taken name is refused.

    One is made from its own table `[agents.NAME]` when the first session wants it.
    """


@hookspec
def register_commands(settings: BaseModel) -> "list[Command]":  # type: ignore[empty-body]
    """The plugin's chat commands. Collected; as with frontends, a taken name is refused."""


@hookspec
def register_cli(group: "click.Group") -> None:
    """Add commands to the `palaver` program, on its click group. Collected.

    Called in every run of the program that needs it, so import late.
    """


# --- the life of the engine ---------------------------------------------------------------------


@hookspec
def on_startup(engine: "Engine") -> Awaitable[None] | None:
    """The store is open; frontends have not started yet. Told."""


@hookspec
def on_shutdown(engine: "Engine") -> Awaitable[None] | None:
    """Frontends have stopped, no turn runs; the store is still open. Told."""


# --- the way of a prompt ------------------------------------------------------------------------


@hookspec
def on_authorize(
    namespace: Namespace, conversation: ConversationId
) -> Awaitable[bool | None] | bool | None:
    """May this namespace use Palaver here? First answer wins.

    With no answer the access list decides; with none of that, the answer is no. An exception means
    that it is not known now: nothing new is taken, and the sender is told to try again, but what
    runs or waits already is neither stopped nor dropped: it is asked again. Raise a
    `PalaverError` for what is known to pass: it is logged in one line.
    """


@hookspec
def on_prompt(session: Session, prompt: Prompt) -> Awaitable[Prompt | None] | Prompt | None:
    """A prompt is durable and about to run. Called in order, each with the last one's result.

    Return a changed copy (`prompt.model_copy(update=...)`), or None to leave it as it is; its
    namespace, conversation and key are not yours to change. Any other exception than the one
    below is logged and leaves the prompt as it is.

    Raises:
        PromptRejectedError: the prompt does not run; the user is told the reason.
    """


@hookspec
def on_approval(
    request: ApprovalRequest,
) -> Awaitable[Decision | None] | Decision | None:
    """The agent wants to use a tool. First answer wins; with none the user is asked.

    An exception counts as no answer, so the user is asked.
    """


@hookspec
def transcribe(audio: Audio, engine: "Engine") -> Awaitable[str | None] | str | None:
    """What is said in a voice message. First answer wins; with none the user is told so.

    Has no time limit of its own but the frontend's; runs beside everything else.

    Raises:
        PromptRejectedError: it cannot be told; no other plugin is asked, the user hears why.
    """


# --- what has happened --------------------------------------------------------------------------


@hookspec
def on_session_created(session: Session) -> Awaitable[None] | None:
    """A session has begun; the agent has not seen it yet. Told."""


@hookspec
def on_session_resumed(session: Session) -> Awaitable[None] | None:
    """A session goes on in a new process of the agent. Told."""


@hookspec
def on_session_lost(lost: Session, replacement: Session) -> Awaitable[None] | None:
    """A session's transcript is gone; the prompt runs in its replacement. Told."""


@hookspec
def on_session_deleted(session: Session) -> Awaitable[None] | None:
    """A session has gone to the trash. Told."""


@hookspec
def on_event(session: Session, turn: Turn, event: Event) -> Awaitable[None] | None:
    """Something happened in a turn, from its start to the agent's last word. Told, in order.

    That a prompt waits, and how its turn has ended, are not among them: `on_turn_finished`.

    A slow plugin never delays the turn: events wait for it, and past a thousand the oldest are
    dropped, which is logged.
    """


@hookspec
def on_turn_finished(session: Session, turn: Turn) -> Awaitable[None] | None:
    """A turn has ended, in whatever state. Told."""


@hookspec
def on_cleanup(report: CleanupReport) -> Awaitable[None] | None:
    """Old sessions of one namespace have been moved to the trash, or purged from it. Told."""
