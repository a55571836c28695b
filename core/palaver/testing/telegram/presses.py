"""Pressed buttons (callback queries) and the bot's answers to them."""

from dataclasses import dataclass

from palaver.testing.telegram.messages import Message
from palaver.testing.telegram.scene import Scene
from palaver.testing.telegram.wire import bad_request

#: Seconds after which an answer is refused. Telegram does not publish it; 15 to 20 were seen.
ANSWER_SECONDS = 15.0
#: Characters of the text. Source: answerCallbackQuery.
MAX_ANSWER_TEXT = 200


@dataclass(frozen=True)
class PressAnswer:
    """What the person sees after pressing: a text at the top, or an alert to close."""

    text: str
    alert: bool
    url: str
    at: float


class Press:
    """One press of a button."""

    def __init__(self, scene: Scene, press_id: str, user_id: int, message: Message) -> None:
        self._scene = scene
        self.id = press_id
        self.user_id = user_id
        self.message = message
        self.at = scene.clock.now()
        self.answered: PressAnswer | None = None

    async def answer(self, timeout: float = 5.0) -> PressAnswer:
        """The bot's answer. Raises TimeoutError when there is none within `timeout` seconds."""
        return await self._scene.signal.wait(
            lambda: self.answered, timeout, lambda: f"{self.message.text[:80]!r} was pressed"
        )


class PressBook:
    """All presses, by the id of their callback query."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._presses: dict[str, Press] = {}
        self.answer_seconds = ANSWER_SECONDS

    def open(self, user_id: int, message: Message) -> Press:
        """A new press."""
        press_id = str(4_000_000_000_000 + self._scene.next_number())
        press = Press(self._scene, press_id, user_id, message)
        self._presses[press_id] = press
        return press

    def answer(self, press_id: str, text: str, url: str, *, alert: bool) -> None:
        """The bot's answer. Raises ApiError 400 when it is late, the second or for no press."""
        press = self._presses.get(press_id)
        now = self._scene.clock.now()
        if press is None or press.answered or now - press.at > self.answer_seconds:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        if len(text) > MAX_ANSWER_TEXT:
            raise bad_request("MESSAGE_TOO_LONG")
        press.answered = PressAnswer(text, alert, url, now)
        self._scene.signal.notify()
