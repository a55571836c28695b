"""Answers as rich messages, where Telegram takes them."""

import asyncio
import logging

from telegram import InlineKeyboardMarkup, Message, ReplyParameters
from telegram.error import BadRequest, EndPointNotFound

from palaver import View
from palaver_telegram.client import Client
from palaver_telegram.places import Spot
from palaver_telegram.rich import marked_as_repeated, may_be_rich, rich
from palaver_telegram.settings import RichUse

log = logging.getLogger(__name__)


class RichSender:
    """Sends what is better read with native tables; what is refused is left to the usual way.

    Args:
        use: which answers it takes.
    """

    def __init__(self, client: Client, use: RichUse) -> None:
        self._client = client
        self._use = use

    async def send(
        self,
        spot: Spot,
        view: View,
        *,
        markup: InlineKeyboardMarkup | None,
        quiet: bool,
        reply: ReplyParameters | None,
    ) -> tuple[Message | None, View]:
        """A view as one rich message; or None and the view as it is to be sent as usual.

        Raises:
            TelegramError: if the chat takes nothing at all.
        """
        if not may_be_rich(view, self._use):
            return None, view
        html = await asyncio.to_thread(rich, view, self._use)
        if html is None:
            return None, view
        uncertain = False

        async def send(chat_id: int, repeated: bool) -> Message:
            nonlocal uncertain
            uncertain = repeated
            text = marked_as_repeated(html) if repeated and not view.repeated else html
            sent: Message = await self._client.bot.do_api_request(
                "sendRichMessage",
                {
                    "chat_id": chat_id,
                    "message_thread_id": spot.topic_id,
                    "rich_message": {"html": text},
                    "disable_notification": quiet,
                    "reply_parameters": reply if chat_id == spot.chat_id else None,
                    "reply_markup": markup,
                },
                Message,
            )
            return sent

        try:
            return await self._client.deliver(spot.chat_id, send), view
        except EndPointNotFound:  # a Bot API server of one's own may be older than 10.1
            log.info("this Bot API server knows no rich messages")
            self._use = "never"
        except BadRequest as error:
            log.info("a rich message was refused, so it is sent as usual: %s", error)
        return None, view.model_copy(update={"repeated": view.repeated or uncertain})
