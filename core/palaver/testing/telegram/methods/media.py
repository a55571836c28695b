"""Files that the bot sends, and getFile."""

from palaver.testing.telegram.files import StoredFile
from palaver.testing.telegram.messages import Content
from palaver.testing.telegram.methods.common import Handler, caption_of, post, reply_of, topic_of
from palaver.testing.telegram.wire import (
    ApiError,
    Fields,
    Json,
    StricterThanTelegram,
    bad_request,
)
from palaver.testing.telegram.world import World

_ATTACHED = "attach://"
#: Kinds that may stand together in an album. Source: sendMediaGroup.
_ALBUM_KINDS = {"photo": "visual", "video": "visual", "document": "document", "audio": "audio"}


def read_file(world: World, kind: str, given: Fields, name: str) -> StoredFile:
    """The file of a parameter: uploaded with the request, or sent before. Raises ApiError 400."""
    value = given.text(name)
    if value.startswith(_ATTACHED):
        upload = given.uploads.get(value.removeprefix(_ATTACHED))
        if upload is None:
            raise bad_request(f"there is no {kind} in the request")
        return world.files.take(
            kind,
            upload,
            duration=given.number("duration"),
            title=given.text("title"),
            performer=given.text("performer"),
        )
    if value.startswith(("http://", "https://")):
        raise StricterThanTelegram(
            "this loopback server fetches no files from the net", "fetches it", 501
        )
    try:
        return world.files.by_id(value)
    except ApiError:
        raise bad_request("wrong file identifier/HTTP URL specified") from None


def _sender(kind: str) -> Handler:
    method = f"send{kind.title()}"

    def send(world: World, given: Fields) -> Json:
        caption = caption_of(world, method, given)
        stored = read_file(world, kind, given, kind)
        return post(world, given, Content(kind, caption, stored))

    send.__doc__ = f"{method}."
    return send


def send_media_group(world: World, given: Fields) -> Json:
    """sendMediaGroup."""
    items = given.items("media")
    kinds = {item.text("type") for item in items}
    if not kinds <= set(_ALBUM_KINDS):
        wrong = min(kinds - set(_ALBUM_KINDS))
        raise bad_request(
            f"can't parse InputMedia: type \"{wrong}\" can't be used in sendMediaGroup"
        )
    if len({_ALBUM_KINDS[kind] for kind in kinds}) > 1:
        raise bad_request("can't use the media of the specified type in the album")
    contents = [_album_item(world, item) for item in items]
    chat = world.chat_of(given)
    topic = topic_of(chat, given)
    reply_to, quote = reply_of(world, chat, given)
    group = str(20_000_000_000_000_000 + world.next_number())
    messages = [
        chat.add(
            world.bot,
            content,
            topic_id=topic,
            reply_to=reply_to,
            quote=quote,
            media_group_id=group,
            silent=given.flag("disable_notification"),
        )
        for content in contents
    ]
    return [message.to_json() for message in messages]


def _album_item(world: World, item: Fields) -> Content:
    kind = item.text("type")
    caption = caption_of(world, "sendMediaGroup", item)
    return Content(kind, caption, read_file(world, kind, item, "media"))


def get_file(world: World, given: Fields) -> Json:
    """getFile."""
    return world.files.downloadable(given.text("file_id"))


HANDLERS: dict[str, Handler] = {
    "sendPhoto": _sender("photo"),
    "sendDocument": _sender("document"),
    "sendVoice": _sender("voice"),
    "sendAudio": _sender("audio"),
    "sendVideo": _sender("video"),
    "sendAnimation": _sender("animation"),
    "sendMediaGroup": send_media_group,
    "getFile": get_file,
}
