"""A prompt as Claude Code is to take it."""

from pathlib import Path

import pytest

from palaver.agents.claude.content import is_command, is_compaction
from palaver.identity import ConversationId, Namespace
from palaver.models import Attachment, Prompt

PICTURE = Attachment(name="a.png", media_type="image/png", path=Path("/inbox/a.png"))


def prompt(text: str, *files: Attachment) -> Prompt:
    owner = Namespace("chat", "owner")
    return Prompt(
        namespace=owner, conversation=ConversationId("home"), text=text, attachments=files
    )


@pytest.mark.parametrize("text", ["/compact", "/compact but keep the plan"])
def test_only_without_a_file_is_it_a_compaction(text: str) -> None:
    assert is_compaction(prompt(text))
    assert not is_compaction(prompt(text, PICTURE))
    assert is_command(prompt(text, PICTURE))  # so it is sent as words
