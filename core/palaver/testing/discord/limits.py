"""The limits that simcord does not hold; all else it refuses by itself.

Source, where no other is named: discord-api-docs and Discord's OpenAPI description.
"""

import re
from collections.abc import Callable
from typing import Any

from simcord.enums import ChannelType

from palaver.testing.discord import threads
from palaver.testing.discord.calls import Call
from palaver.testing.discord.files import MAX_FILE, MAX_REQUEST, VOICE_MESSAGE, Upload
from palaver.testing.discord.wire import ApiError, JsonObject, bad_form
from palaver.testing.discord.world import World

#: Characters of the name of a thread or post.
MAX_THREAD_NAME = 100
#: Characters of a nonce.
MAX_NONCE = 25
#: Messages of one page of history.
MAX_PAGE = 100
#: Files of one message.
MAX_FILES = 10
#: Choices that an autocompletion may offer, and characters of each.
MAX_CHOICES, MAX_CHOICE = 25, 100
#: Commands of one scope, options of one command, characters of a description and of all texts.
MAX_COMMANDS, MAX_OPTIONS, MAX_DESCRIPTION, MAX_COMMAND_TEXT = 100, 25, 100, 8000
#: Minutes after which a silent thread may be archived.
ARCHIVE_MINUTES = (60, 1440, 4320, 10080)

_NAME = re.compile(r"[-_'\w]{1,32}")
_SUBCOMMANDS = (1, 2)
_CHAT_INPUT = 1

Check = Callable[..., None]


def check_size(total: int, uploads: list[Upload]) -> None:
    """Raises ApiError 413 (40005) for a file above 10 MiB or a request above 25 MiB."""
    if total > MAX_REQUEST or any(len(upload.data) > MAX_FILE for upload in uploads):
        raise ApiError(413, 40005, "Request entity too large")


def limit_of(query: dict[str, str]) -> int:
    """The size of a page of history. Raises BackendError outside of 1 to 100."""
    limit = query.get("limit", "50")
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_PAGE:
        raise bad_form("limit", "int value should be between 1 and 100.")
    return int(limit)


def check(world: World, call: Call) -> None:
    """Raises BackendError for what is above a limit, in Discord's codes."""
    for pattern, test in _CHECKS:
        match = pattern.fullmatch(call.route)
        if match:
            test(world, call, *match.groups())


def _check_page(_world: World, call: Call) -> None:
    limit_of(call.query)


def _check_message(world: World, call: Call, channel: str = "") -> None:
    body = _object(call.body)
    if len(call.uploads) > MAX_FILES:
        raise ApiError(400, 30015, "Maximum number of attachments in a message reached (10)")
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > MAX_NONCE:
        raise bad_form("nonce", f"Must be {MAX_NONCE} or fewer in length.")
    if call.method == "POST" and not _has_content(body, call.uploads):
        raise ApiError(400, 50006, "Cannot send an empty message")
    _check_voice(body, call.uploads)
    if channel:
        _check_channel_message(world, call, int(channel), body)


def _check_channel_message(world: World, call: Call, channel_id: int, body: JsonObject) -> None:
    known = world.channels.get(channel_id)
    if known is not None and known.type == ChannelType.FORUM:
        raise ApiError(400, 40058, "Cannot send messages in a forum channel")
    if call.uploads and known is not None:
        world.require_permissions(known.guild_id, world.bot_user.id, channel_id, "attach_files")
    _check_reply(world, channel_id, body.get("message_reference"))
    if call.method == "PATCH":
        threads.require_awake(world, channel_id)
    else:
        threads.rouse(world, channel_id)


def _check_reply(world: World, channel_id: int, reference: Any) -> None:
    """An answer to a message that is gone is refused, unless it was sent to be sent anyway."""
    if not isinstance(reference, dict) or reference.get("type", 0) != 0:
        return
    there = int(reference.get("message_id") or 0) in world.messages.get(channel_id, {})
    if not there and reference.get("fail_if_not_exists", True):
        raise bad_form("message_reference", "Unknown message")


def _object(body: Any) -> JsonObject:
    """A body that has to be an object."""
    if not isinstance(body, dict):
        raise bad_form("body", "Expected an object.")
    return body


def _has_content(body: JsonObject, uploads: list[Upload]) -> bool:
    fields = ("embeds", "embed", "components", "poll", "sticker_ids", "message_reference")
    if str(body.get("content") or "").strip() or uploads:
        return True
    reference = body.get("message_reference")
    answers_only = isinstance(reference, dict) and reference.get("type", 0) == 0
    return any(body.get(name) for name in fields if not (name == fields[-1] and answers_only))


def _check_voice(body: JsonObject, uploads: list[Upload]) -> None:
    if not int(body.get("flags") or 0) & VOICE_MESSAGE:
        return
    if body.get("content") or len(uploads) != 1:
        raise ApiError(400, 50160, "Voice messages must have a single audio attachment.")
    if not {"duration_secs", "waveform"} <= uploads[0].data.details.keys():
        raise ApiError(400, 50161, "Voice messages must have supporting metadata.")


def _check_thread(_world: World, call: Call) -> None:
    body = _object(call.body)
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_THREAD_NAME:
        raise bad_form("name", "Must be between 1 and 100 in length.")
    if int(body.get("auto_archive_duration") or 1440) not in ARCHIVE_MINUTES:
        raise bad_form("auto_archive_duration", f"Value must be one of {ARCHIVE_MINUTES}.")


def _check_channel(_world: World, call: Call) -> None:
    name = _object(call.body).get("name", "x")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_THREAD_NAME:
        raise bad_form("name", "Must be between 1 and 100 in length.")


def _check_callback(_world: World, call: Call) -> None:
    body = _object(call.body)
    data = body.get("data") or {}
    choices = data.get("choices") or []
    if len(choices) > MAX_CHOICES:
        raise bad_form("data.choices", f"Must be {MAX_CHOICES} or fewer in length.")
    for choice in choices:
        texts = [choice.get("name"), choice.get("value")]
        if any(isinstance(one, str) and not 1 <= len(one) <= MAX_CHOICE for one in texts):
            raise bad_form("data.choices", f"Must be between 1 and {MAX_CHOICE} in length.")
    if body.get("type") == 4 and not _has_content(data, call.uploads):
        raise ApiError(400, 50006, "Cannot send an empty message")


def _check_commands(_world: World, call: Call) -> None:
    if not isinstance(call.body, list):
        raise bad_form("body", "Expected a list.")
    slash = [one for one in call.body if one.get("type", _CHAT_INPUT) == _CHAT_INPUT]
    if len(slash) > MAX_COMMANDS:
        raise ApiError(400, 30032, "Maximum number of application commands reached (100).")
    names = [(one.get("type", _CHAT_INPUT), one.get("name")) for one in call.body]
    if len(set(names)) != len(names):
        raise bad_form("name", "Application command names must be unique")
    for number, command in enumerate(slash):
        _check_command(str(number), command)
        if _length(command) > MAX_COMMAND_TEXT:
            raise bad_form(str(number), "Command exceeds maximum size (8000)")


def _check_command(path: str, command: JsonObject) -> None:
    name, description = str(command.get("name")), str(command.get("description") or "")
    if not _NAME.fullmatch(name) or name != name.lower():
        raise bad_form(f"{path}.name", "Command name is invalid")
    if not 1 <= len(description) <= MAX_DESCRIPTION:
        raise bad_form(f"{path}.description", "Must be between 1 and 100 in length.")
    options = command.get("options") or []
    if len(options) > MAX_OPTIONS:
        raise bad_form(f"{path}.options", f"Must be {MAX_OPTIONS} or fewer in length.")
    required = [bool(one.get("required")) for one in options if one["type"] not in _SUBCOMMANDS]
    if required != sorted(required, reverse=True):
        raise bad_form(f"{path}.options", "Required options must be placed before optional ones")
    if len(command.get("choices") or []) > MAX_CHOICES:
        raise bad_form(f"{path}.choices", f"Must be {MAX_CHOICES} or fewer in length.")
    for number, option in enumerate(options):
        _check_command(f"{path}.options.{number}", option)


def _length(command: JsonObject) -> int:
    texts = [str(command.get("name")), str(command.get("description") or "")]
    for choice in command.get("choices") or []:
        texts += [str(choice.get("name")), str(choice.get("value"))]
    return sum(map(len, texts)) + sum(map(_length, command.get("options") or []))


def _check_awake(world: World, _call: Call, thread: str) -> None:
    threads.require_awake(world, int(thread))


_CHECKS: list[tuple[re.Pattern[str], Check]] = [
    (re.compile(pattern), test)
    for pattern, test in (
        (r"GET /channels/\d+/messages", _check_page),
        (r"POST /channels/(\d+)/messages", _check_message),
        (r"PATCH /channels/(\d+)/messages/\d+", _check_message),
        (r"POST /webhooks/\d+/[^/]+", _check_message),
        (r"PATCH /webhooks/\d+/[^/]+/messages/[^/]+", _check_message),
        (r"POST /channels/\d+/(?:messages/\d+/)?threads", _check_thread),
        (r"PATCH /channels/\d+", _check_channel),
        (r"PUT /channels/(\d+)/thread-members/.+", _check_awake),
        (r"PUT /channels/(\d+)/messages/\d+/reactions/.+", _check_awake),
        (r"POST /interactions/\d+/[^/]+/callback", _check_callback),
        (r"PUT /applications/\d+/(?:guilds/\d+/)?commands", _check_commands),
    )
]
