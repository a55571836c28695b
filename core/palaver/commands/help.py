"""Getting started: /start, /help, /whoami."""

from palaver.commands.contract import Command, CommandCall
from palaver.errors import CommandError
from palaver.views import Action, FieldRow, Item, View


async def start(call: CommandCall) -> View:
    """Say what this is, and get ready for the first prompt."""
    await call.engine.prewarm(call.prompt)
    return View(
        title="👋 Palaver: one agent, every chat",
        text="Send a message and the agent answers. It asks before it changes anything.",
        actions=(
            Action(label="New session", command="/newsession", style="primary"),
            Action(label="Sessions", command="/sessions"),
            Action(label="Help", command="/help"),
        ),
    )


async def help_(call: CommandCall) -> View:
    """List the commands, or explain one."""
    commands = call.engine.commands
    if name := call.argument.lstrip("/"):
        command = commands.get(name)
        if command is None:
            raise CommandError(f"There is no command /{name}.", hint="See /help.")
        return View(title=_usage(command), text=command.summary)
    items = [Item(title=_usage(one), text=one.summary) for one in commands.shown(call.role)]
    return View(
        title="Commands",
        items=tuple(items),
        footer=("Anything else goes to the agent; //name is its own command /name.",),
    )


async def whoami(call: CommandCall) -> View:
    """Who the user is to Palaver."""
    return View(
        title="Who you are",
        fields=(
            FieldRow(name="Namespace", value=str(call.namespace), code=True),
            FieldRow(name="Conversation", value=call.conversation, code=True),
            FieldRow(name="Role", value=call.role.name.lower()),
        ),
        private=True,
    )


async def pair(_: CommandCall) -> View:
    """A right code never comes this far: the engine takes it."""
    raise CommandError(
        "That is no code that holds here.",
        hint="`palaver access pair` in the terminal makes one. Send it in a private chat.",
    )


def _usage(command: Command) -> str:
    return f"/{command.name} {command.argument}".strip()


COMMANDS = (
    Command("start", "What this is and how to begin", start),
    Command("help", "The commands, or one of them", help_, argument="[COMMAND]"),
    Command("whoami", "Who you are to Palaver", whoami),
    Command("pair", "Be let in by a code", pair, argument="CODE", hidden=True),
)
