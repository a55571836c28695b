"""Buttons that are pressed: answered at once, and where they were pressed if that is enough."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from telegram import CallbackQuery, InlineKeyboardMarkup, Message
from telegram.error import TelegramError

from palaver import (
    AccessDeniedError,
    Action,
    CommandError,
    Place,
    Press,
    PressSurface,
    Reception,
    View,
)
from palaver_telegram.asking import Asking
from palaver_telegram.client import Client
from palaver_telegram.keyboards import (
    ASK,
    SUBMIT,
    TOGGLE,
    chosen,
    label_of,
    toggled,
)
from palaver_telegram.places import Spot, name_of, namespace
from palaver_telegram.sending import Sender

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 2.0
"""Seconds until a press is answered, whatever its command does; Telegram gives up after 15."""
MAX_ANSWER = 200
"""Characters of an answer to a press (Bot API, answerCallbackQuery)."""
_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Presses:
    """Takes presses of buttons."""

    reception: Reception
    client: Client
    sender: Sender
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


class _Press(PressSurface):
    """One press of one button."""

    def __init__(
        self, room: Presses, query: CallbackQuery, message: object, spot: Spot, data: str
    ) -> None:
        self._room = room
        self._query = query
        self._message = message if isinstance(message, Message) else None
        self._spot = spot
        self._data = data
        self._toast: asyncio.Future[tuple[str, bool]] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        answering = asyncio.create_task(self._answer())
        try:
            await self._act()
        except (AccessDeniedError, CommandError) as error:
            await self.say(f"{error.message} {error.hint}".strip(), alert=True)
        finally:
            await answering

    async def _act(self) -> None:
        sign = self._data[0] if self._data[0] in (ASK, TOGGLE, SUBMIT) else ""
        press = self._press(self._data.removeprefix(sign))
        if sign in (ASK, TOGGLE):
            place = await self._room.reception.pressing(press)
            if sign == ASK:
                await self._ask(place, press.button)
            else:
                await self._toggle()
            return
        if sign == SUBMIT:
            press = self._press(f"{press.button} {','.join(self._chosen())}")
        await self._room.reception.press(press, self)

    def _press(self, button: str) -> Press:
        return Press(
            sender=namespace(self._query.from_user.id),
            conversation=self._spot.conversation,
            key=f"press:{self._query.id}",
            button=button,
            private=self._spot.private,
        )

    async def _ask(self, place: Place, button: str) -> None:
        """Only with a button that stands there: what a press carries can be forged (Bot API,
        CallbackQuery), and what the bot asks for may be answered by somebody else."""
        label = label_of(self._keyboard(), self._data)
        if not label:
            raise CommandError("This button is too old.", hint="Send the command again.")
        action = Action(label=label, command="/" + button.partition("/")[2])
        wanted = Asking(self._room.client.bot).wanted(place, action)
        await self.say("")
        await self._room.sender.ask(place, wanted)

    async def _toggle(self) -> None:
        shown = self._keyboard()
        if shown is None or self._message is None:
            raise CommandError("This button is too old.", hint="Send the command again.")
        await self.say("")
        changed = toggled(shown, self._data)
        known = self._room.keyboards
        known[self._spot.chat_id, self._message.message_id] = changed
        if len(known) > _REMEMBERED:
            known.popitem(last=False)
        await self._redraw(changed)

    def _chosen(self) -> list[str]:
        shown = self._keyboard()
        marked = chosen(shown) if shown else []
        if not marked:
            raise CommandError("Choose one or more first.", hint="")
        return marked

    # --- the answer -----------------------------------------------------------------------------

    async def say(self, words: str, *, alert: bool = False) -> None:
        """At the top of the chat; the first word counts."""
        if not self._toast.done():
            self._toast.set_result((words, alert))

    async def replace(self, place: Place, view: View) -> bool:
        if self._message is None:
            return False
        try:
            await self._room.sender.replace(place, name_of(self._message), view)
        except TelegramError as error:
            log.info("a message could not be changed, so there is a new one: %s", error)
            return False
        return True

    async def disarm(self) -> None:
        await self._redraw(None)

    async def privately(self, place: Place, view: View) -> None:
        await self._room.sender.send_privately(place, view)

    async def _answer(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                text, alert = await self._toast
        except TimeoutError:
            text, alert = "", False
        await self._room.answer(self._query, text, alert=alert)

    async def _redraw(self, markup: InlineKeyboardMarkup | None) -> None:
        message = self._message
        if message is None or (markup is None and message.reply_markup is None):
            return

        async def change(chat_id: int, _: bool) -> None:
            if chat_id == message.chat.id:  # else it is out of reach
                await self._room.client.bot.edit_message_reply_markup(
                    chat_id, message.message_id, reply_markup=markup
                )

        try:
            await self._room.client.deliver(self._spot.chat_id, change)
        except TelegramError as error:  # it is gone, or has changed meanwhile
            log.info("buttons could not be changed: %s", error)

    def _keyboard(self) -> InlineKeyboardMarkup | None:
        if self._message is None:
            return None
        newest = self._room.keyboards.get((self._spot.chat_id, self._message.message_id))
        return newest or self._message.reply_markup
