"""Files up and down, albums, and their limits."""

import struct
from datetime import timedelta

import pytest

from core.testing.telegram.bots import (
    BadRequest,
    Bot,
    InputMediaDocument,
    InputMediaPhoto,
    TelegramError,
    ask,
)
from palaver.testing.images import dimensions
from palaver.testing.telegram import Attached, BotApi, Chat, Person, png
from palaver.testing.telegram.files import MAX_DOWNLOAD


async def test_a_document_goes_down_and_up_byte_for_byte(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    data = bytes(range(256)) * 1000
    await alice.send_document(data, "data.bin", "look at @alice_a")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    assert update.message.document.file_name == "data.bin"
    assert update.message.caption_entities[0].type == "mention"
    file = await update.message.document.get_file()
    assert await file.download_as_bytearray() == data
    sent = await bot.send_document(chat.id, data[::-1], filename="back.bin", caption="back")
    assert sent.document is not None
    stored = chat.last.file
    assert stored is not None
    assert (stored.name, stored.data, chat.last.text) == ("back.bin", data[::-1], "back")
    again = await bot.send_document(chat.id, sent.document.file_id)
    assert again.document is not None
    assert again.document.file_unique_id == sent.document.file_unique_id
    assert api.problems == []


async def test_a_photo_comes_in_sizes_and_the_last_is_the_whole(
    alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.send_photo(png(400, 200), "a caption")
    (update,) = await bot.get_updates()
    assert update.message is not None
    small, whole = update.message.photo
    assert (small.width, small.height) == (90, 45)
    assert (whole.width, whole.height) == (400, 200)
    file = await whole.get_file()
    assert await file.download_as_bytearray() == png(400, 200)


async def test_voice_audio_and_video_say_their_kind(alice: Person, chat: Chat, bot: Bot) -> None:
    await alice.send_voice(b"OggS", duration=3)
    await alice.send_audio(b"ID3", "song.mp3", duration=4)
    await alice.send_video(b"mp4", "film.mp4", duration=5)
    voice, audio, video = [update.message for update in await bot.get_updates()]
    assert voice is not None
    assert voice.voice is not None
    assert (voice.voice.mime_type, voice.voice.duration) == ("audio/ogg", timedelta(seconds=3))
    assert audio is not None
    assert audio.audio is not None
    assert (audio.audio.file_name, audio.audio.mime_type) == ("song.mp3", "audio/mpeg")
    assert video is not None
    assert video.video is not None
    assert video.video.mime_type == "video/mp4"


async def test_a_bot_sends_voice_audio_video_and_animation(chat: Chat, bot: Bot) -> None:
    await bot.send_voice(chat.id, b"OggS...", duration=2)
    await bot.send_audio(chat.id, b"ID3...", title="T", performer="P")
    await bot.send_video(chat.id, b"mp4...")
    await bot.send_animation(chat.id, b"gif...")
    kinds = [message.content.kind for message in chat.messages]
    assert kinds == ["voice", "audio", "video", "animation"]


async def test_a_file_above_20_mib_cannot_be_fetched(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.send_document(b"x", "just.bin", size=MAX_DOWNLOAD)
    await alice.send_document(b"x", "large.bin", size=MAX_DOWNLOAD + 1)
    just, large = [update.message for update in await bot.get_updates()]
    assert just is not None
    assert just.document is not None
    await just.document.get_file()
    assert large is not None
    assert large.document is not None
    with pytest.raises(BadRequest):
        await large.document.get_file()
    assert api.calls[-1].error == "Bad Request: file is too big"


async def test_an_upload_above_50_mb_is_too_large(api: BotApi, chat: Chat, bot: Bot) -> None:
    with pytest.raises(TelegramError, match="Request Entity Too Large"):
        await bot.send_document(chat.id, bytes(52_000_000), write_timeout=30)
    assert chat.messages == []


@pytest.mark.parametrize(
    ("photo", "refusal"),
    [
        (b"no picture", "IMAGE_PROCESS_FAILED"),
        (png(6000, 4001), "PHOTO_INVALID_DIMENSIONS"),
        (png(210, 10), "PHOTO_INVALID_DIMENSIONS"),
        (
            png() + bytes(10 << 20),
            f"file of size {len(png()) + (10 << 20)} bytes is too big for a photo;"
            " the maximum size is 10485760 bytes",
        ),
    ],
)
async def test_a_photo_that_is_none_or_too_large_is_refused(
    api: BotApi, chat: Chat, bot: Bot, photo: bytes, refusal: str
) -> None:
    with pytest.raises(BadRequest):
        await bot.send_photo(chat.id, photo)
    assert api.calls[-1].error == f"Bad Request: {refusal}"


async def test_an_empty_or_missing_file_is_refused(api: BotApi, chat: Chat, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="must be non-empty"):
        await bot.send_document(chat.id, b"", filename="empty.txt")
    for value, refusal in (
        ("attach://nowhere", "there is no document in the request"),
        ("no-such-id", "wrong file identifier/HTTP URL specified"),
    ):
        answer = await ask(api, "sendDocument", chat_id=chat.id, document=value)
        assert answer["description"] == f"Bad Request: {refusal}"
    assert (await ask(api, "getFile", file_id="x"))["description"] == "Bad Request: invalid file_id"
    remote = await ask(api, "sendPhoto", chat_id=chat.id, photo="https://example.org/a.png")
    assert remote["error_code"] == 501


async def test_a_caption_has_1024_characters_at_most(api: BotApi, chat: Chat, bot: Bot) -> None:
    await bot.send_document(chat.id, b"x", caption="c" * 1024)
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_document(chat.id, b"x", caption="c" * 1025)


async def test_an_album_of_the_bot_is_one_group(chat: Chat, bot: Bot) -> None:
    messages = await bot.send_media_group(
        chat.id, [InputMediaPhoto(png(), caption="first"), InputMediaPhoto(png(9, 9))]
    )
    assert len({message.media_group_id for message in messages}) == 1
    assert chat.texts == ["first", ""]
    assert [message.file is not None for message in chat.messages] == [True, True]


async def test_an_album_is_of_2_to_10_that_go_together(api: BotApi, chat: Chat, bot: Bot) -> None:
    with pytest.raises(BadRequest):
        await bot.send_media_group(
            chat.id, [InputMediaPhoto(png()), InputMediaDocument(b"x", filename="x")]
        )
    assert api.calls[-1].error == (
        "Bad Request: can't use the media of the specified type in the album"
    )
    with pytest.raises(BadRequest):
        await bot.send_media_group(chat.id, [InputMediaPhoto(png())] * 11)
    assert chat.messages == []


async def test_an_album_of_a_person_comes_as_messages_of_one_group(
    alice: Person, chat: Chat, bot: Bot
) -> None:
    files = [Attached("photo", png(), caption="both"), Attached("photo", png(9, 9))]
    await alice.send_album(files)
    messages = [update.message for update in await bot.get_updates()]
    assert [message.caption for message in messages if message] == ["both", None]
    assert len({message.media_group_id for message in messages if message}) == 1
    with pytest.raises(ValueError, match="two to ten"):
        await alice.send_album(files[:1])


async def test_a_files_caption_and_media_can_be_edited(api: BotApi, chat: Chat, bot: Bot) -> None:
    message = await bot.send_document(chat.id, b"one", filename="a.txt", caption="one")
    await message.edit_caption("two")
    await message.edit_media(InputMediaDocument(b"three", filename="b.txt", caption="three"))
    assert chat.last.texts == ["one", "two", "three"]
    assert chat.last.file is not None
    assert chat.last.file.data == b"three"
    with pytest.raises(BadRequest):
        await message.edit_text("text")
    assert api.calls[-1].error == "Bad Request: there is no text in the message to edit"
    text = await bot.send_message(chat.id, "text")
    with pytest.raises(BadRequest):
        await text.edit_caption("caption")
    assert api.calls[-1].error == "Bad Request: there is no caption in the message to edit"


def test_the_size_of_a_picture_is_known_by_its_head() -> None:
    jpeg = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab"
    jpeg += b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 30, 40, 3) + bytes(9)
    assert dimensions(jpeg) == (40, 30)
    assert dimensions(b"GIF89a" + struct.pack("<HH", 5, 6)) == (5, 6)
    assert dimensions(b"BM" + bytes(16) + struct.pack("<ii", 7, -8)) == (7, 8)
    webp = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x09\0\0\x13\0\0"
    assert dimensions(webp) == (10, 20)
    assert dimensions(png(3, 4)) == (3, 4)
    assert dimensions(b"GIF89a") is None
