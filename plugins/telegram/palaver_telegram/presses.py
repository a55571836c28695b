"""Buttons that are pressed: answered at once, and where they were pressed if that is enough."""

import asyncio
import logging
import re
from collections import OrderedDict
from dataclasses import dataclass, field

from telegram import CallbackQuery, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, TelegramError

from palaver import (
    AccessDeniedError,
    Action,
    CommandError,
    Engine,
    MessageId,
    Namespace,
    Place,
    Presenter,
    Prompt,
    View,
)
from palaver_telegram.client import Client
from palaver_telegram.keyboards import (
    ASK,
    SUBMIT,
    TOGGLE,
    chosen,
    label_of,
    owned_by,
    toggled,
)
from palaver_telegram.places import Spot, namespace
from palaver_telegram.sending import Sender
from palaver_telegram.shared import Shares

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 2.0
"""Seconds until a press is answered, whatever its command does; Telegram gives up after 15."""
MAX_ANSWER = 200
"""Characters of an answer to a press (Bot API, answerCallbackQuery)."""
_IN_PLACE = frozenset({"sessions", "sessioninfo", "delete", "restore", "mode", "backlog"})
"""Commands whose answers take the place of the message with the button: lists and what is done to
their rows."""
_OF_REQUESTS = frozenset({"allow", "deny", "answer", "details"})
_REMEMBERED = 500
_COMMAND = re.compile(r"/(\w+)")


@dataclass(frozen=True, slots=True)
class Presses:
    """Takes presses of buttons."""

    engine: Engine
    presenter: Presenter
    client: Client
    sender: Sender
    shares: Shares
    keyboards: OrderedDict[tuple[int, int], InlineKeyboardMarkup] = field(
        default_factory=OrderedDict
    )
    """The newest state of keyboards with choices: presses may be faster than Telegram."""

    async def take(self, query: CallbackQuery) -> None:
        """Do what the button says; on return it is done or durable."""
        message, data = query.message, query.data
        if message is None or not data:
            await self.answer(query, "This button is too old.")
            return
        spot = Spot.of(message) if isinstance(message, Message) else Spot(message.chat.id)
        await _Press(self, query, message, spot, data).run()

    async def answer(self, query: CallbackQuery, text: str, *, alert: bool = False) -> None:
        """Tell Telegram that the press has been taken; `text` is shown at the top of the chat."""
        words = text if len(text) <= MAX_ANSWER else text[: MAX_ANSWER - 1] + "…"
        try:
            await self.client.bot.answer_callback_query(query.id, words or None, show_alert=alert)
        except TelegramError as error:  # too late, or the network is down: nothing depends on it
            log.info("a press could not be answered: %s", error)


class _Press:
    """One press of one button."""

    def __init__(
        self, room: Presses, query: CallbackQuery, message: object, spot: Spot, data: str
    ) -> None:
        self._room = room
        self._query = query
        self._message = message if isinstance(message, Message) else None
        self._spot = spot
        self._data = data
        self._person = namespace(query.from_user.id)
        self._owner = self._acting()
        self._place = Place(self._owner, spot.conversation)
        found = _COMMAND.search(data)
        self._command = found[1] if found else ""
        self._toast: asyncio.Future[tuple[str, bool]] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        answering = asyncio.create_task(self._answer())
        try:
            await self._act()
        except (AccessDeniedError, CommandError) as error:
            self._say(f"{error.message} {error.hint}".strip(), alert=True)
        finally:
            await answering

    def _acting(self) -> Namespace:
        """For whom the person presses: in a shared place its buttons are everybody's."""
        shared = self._room.shares.owner(self._spot)
        data = self._data[1:] if self._data[:1] in (ASK, TOGGLE, SUBMIT) else self._data
        return shared if shared and owned_by(shared, data) else self._person

    async def _act(self) -> None:
        if self._owner != self._person:
            await self._let_in(self._person)
        sign, rest = self._data[:1], self._data[1:]
        if sign in (ASK, TOGGLE, SUBMIT):
            await self._check(rest)
        if sign == ASK:
            await self._ask(rest)
        elif sign == TOGGLE:
            await self._toggle()
        elif sign == SUBMIT:
            await self._submit(rest)
        else:
            await self._press(self._data)

    async def _check(self, data: str) -> None:
        """What the engine checks of other buttons."""
        await self._let_in(self._owner)
        if not owned_by(self._owner, data):
            raise CommandError("This button belongs to somebody else.", hint="See /help.")

    async def _let_in(self, who: Namespace) -> None:
        if not await self._room.engine.authorized(who, self._spot.conversation):
            raise AccessDeniedError

    async def _press(self, data: str) -> None:
        prompt = Prompt(
            namespace=self._owner,
            conversation=self._spot.conversation,
            key=f"press:{self._query.id}",
        )
        submission = await self._room.presenter.press(prompt, data, answer=self._take)
        if submission.turn_id is not None or submission.duplicate:
            self._say("")

    async def _ask(self, data: str) -> None:
        label = label_of(self._keyboard(), self._data) or "Your words"
        action = Action(label=label, command="/" + data.partition("/")[2])
        self._say("")
        await self._room.sender.ask(self._place, action)

    async def _toggle(self) -> None:
        shown = self._keyboard()
        if shown is None or self._message is None:
            raise CommandError("This button is too old.", hint="Send the command again.")
        self._say("")
        changed = toggled(shown, self._data)
        known = self._room.keyboards
        known[self._spot.chat_id, self._message.message_id] = changed
        if len(known) > _REMEMBERED:
            known.popitem(last=False)
        await self._redraw(changed)

    async def _submit(self, data: str) -> None:
        shown = self._keyboard()
        marked = chosen(shown) if shown else []
        if not marked:
            raise CommandError("Choose one or more first.", hint="")
        await self._press(f"{data} {','.join(marked)}")

    # --- the answer -----------------------------------------------------------------------------

    async def _take(self, view: View) -> bool:
        """A command's answer: at the top of the chat, in place of the message, or as a new one."""
        words = "\n".join(filter(None, [view.title, view.text]))
        if view.kind == "error":
            self._say(words, alert=True)
            if self._command in _OF_REQUESTS:
                await self._redraw(None)  # it decides nothing any more
            return True
        if view.kind == "notice" and not view.actions:
            self._say(words)  # a note of a prompt that waited goes by itself
            return True
        self._say("")
        if view.private and not self._spot.private and self._owner == self._person:
            await self._room.sender.send_privately(self._place, view)
            return True
        return self._command in _IN_PLACE and await self._replace(view)

    def _say(self, text: str, *, alert: bool = False) -> None:
        if not self._toast.done():
            self._toast.set_result((text, alert))

    async def _answer(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                text, alert = await self._toast
        except TimeoutError:
            text, alert = "", False
        await self._room.answer(self._query, text, alert=alert)

    async def _replace(self, view: View) -> bool:
        if self._message is None:
            return False
        message = MessageId(str(self._message.message_id))
        try:
            await self._room.sender.edit(self._place, message, view)
        except TelegramError as error:
            log.info("a message could not be changed, so there is a new one: %s", error)
            return False
        return True

    async def _redraw(self, markup: InlineKeyboardMarkup | None) -> None:
        message = self._message
        if message is None or (markup is None and message.reply_markup is None):
            return

        async def change(chat_id: int, _: bool) -> None:
            await self._room.client.bot.edit_message_reply_markup(
                chat_id, message.message_id, reply_markup=markup
            )

        try:
            await self._room.client.deliver(self._spot.chat_id, change)
        except BadRequest as error:  # it is gone, or has changed meanwhile
            log.info("buttons could not be changed: %s", error)

    def _keyboard(self) -> InlineKeyboardMarkup | None:
        if self._message is None:
            return None
        newest = self._room.keyboards.get((self._spot.chat_id, self._message.message_id))
        return newest or self._message.reply_markup
