"""What is said of a file is no command, not even if the file cannot be had."""

from dataclasses import replace

import pytest

from palaver.errors import PluginError
from palaver.frontends.incoming import RemoteFile
from support.halls import Hall

HOME = "home-owner"
CAPTION = "/newsession make a plan of this"
DOCUMENT = RemoteFile(id="1", name="big.txt", media_type="text/plain")
VOICE = RemoteFile(id="1", name="voice.oga", media_type="audio/ogg", spoken=True)


async def caption(hall: Hall, file: RemoteFile, *, missed: bool = False) -> None:
    """It is sent with a file; then the session that went before is asked for."""
    await hall.say("owner", "remember 42")
    await hall.answered(HOME, "I will remember 42.")
    message = replace(hall.message("owner", CAPTION, files=(file,)), command=False)
    if missed:
        await hall.reception.take_missed([message])
    else:
        await hall.reception.take(message)
    await hall.say("owner", "what number")
    await hall.answered(HOME, "You told me 42.")


@pytest.mark.parametrize("file", [DOCUMENT, VOICE], ids=["document", "voice"])
@pytest.mark.parametrize("missed", [False, True], ids=["live", "missed"])
async def test_of_a_file_that_cannot_be_fetched_it_is_no_command(
    hall: Hall, file: RemoteFile, missed: bool
) -> None:
    hall.trouble["fetch"] = PluginError("chat", "The file is too large.", hint="Send a link.")
    await caption(hall, file, missed=missed)
    assert sum("too large" in text for text in hall.texts(HOME)) == 1


async def test_of_a_voice_message_that_nobody_can_hear_it_is_no_command(hall: Hall) -> None:
    await caption(hall, VOICE)
    assert sum("cannot hear" in text for text in hall.texts(HOME)) == 1
