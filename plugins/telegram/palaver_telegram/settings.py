"""The table `[plugins.telegram]`."""

from typing import Literal

from pydantic import Field, SecretStr

from palaver import SecretSettings

API = "https://api.telegram.org"

RichUse = Literal["never", "tables", "always"]
"""Which answers are sent as rich messages."""


class TelegramSettings(SecretSettings):
    """Which bot this is, how it reaches Telegram, and how it behaves in groups.

    Attributes:
        token, token_file: what @BotFather gave; one of them.
        base_url, base_file_url: the Bot API's addresses, up to the token.
        webhook_url: Telegram posts updates to this https address; without it the bot polls.
        webhook_listen: where they are taken, as `host:port`, behind a proxy that speaks TLS.
        webhook_secret: what Telegram sends along, 1 to 256 of `A-Za-z0-9_-`.
        hear_all: groups (their ids, or `true` for all) in which every message is a prompt; in
            the others only commands, mentions and replies to the bot are.
        drafts: in private chats, show a growing answer as a draft; else by editing a message.
        rich: which answers are sent as rich messages, with tables that are easy to read on a
            phone: `tables` those that hold one, `always` all, `never` none.
        reactions: show with 👀 that a message has been taken.
        coalesce_s: seconds to wait for the rest of an album, of forwards or of a long text, and
            in which what is forwarded still goes to a comment before it that waits.
        poll_timeout_s: seconds that one request for updates waits for some (1 to 50).
        answer_timeout_s: seconds without an answer after which a connection counts as dead.
    """

    base_url: str = f"{API}/bot"
    base_file_url: str = f"{API}/file/bot"
    webhook_url: str | None = Field(default=None, pattern=r"^https?://")
    webhook_listen: str = Field(default="127.0.0.1:8443", pattern=r"^[^:]+:\d{1,5}$")
    webhook_secret: SecretStr | None = None
    hear_all: bool | tuple[int, ...] = False
    drafts: bool = True
    rich: RichUse = "tables"
    reactions: bool = True
    coalesce_s: float = Field(default=0.7, ge=0, le=10)
    poll_timeout_s: int = Field(default=25, ge=1, le=50)
    answer_timeout_s: float = Field(default=10, gt=0)

    def hears_all(self, chat_id: int) -> bool:
        """Whether every message in this group is meant for the bot."""
        return self.hear_all if isinstance(self.hear_all, bool) else chat_id in self.hear_all
