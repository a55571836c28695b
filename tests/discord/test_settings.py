"""Where the bot answers: nowhere in servers unless it is told, and only in what it is told."""

import pytest
from pydantic import ValidationError

from palaver_discord.settings import DiscordSettings

GUILD, CHANNEL, CATEGORY, ROLE = 500, 501, 502, 503


def test_by_default_it_answers_in_no_server() -> None:
    settings = DiscordSettings()
    assert not settings.answers_in(GUILD, [CHANNEL])
    assert not settings.lets_in(GUILD, [ROLE])
    assert not settings.hears_all([CHANNEL])


def test_direct_messages_are_for_the_access_list() -> None:
    settings = DiscordSettings(guilds=(GUILD,), channels=(CHANNEL,), roles=(ROLE,))
    assert settings.answers_in(None, [9])
    assert not settings.lets_in(None, [ROLE])


def test_in_an_allowed_server_it_answers_in_all_channels_or_in_those_that_are_named() -> None:
    everywhere = DiscordSettings(guilds=(GUILD,))
    assert everywhere.answers_in(GUILD, [CHANNEL])
    assert not everywhere.answers_in(GUILD + 1, [CHANNEL])
    somewhere = DiscordSettings(guilds=(GUILD,), channels=(CATEGORY,))
    assert somewhere.answers_in(GUILD, [CHANNEL, CATEGORY])
    assert not somewhere.answers_in(GUILD, [CHANNEL])
    assert not somewhere.answers_in(GUILD + 1, [CATEGORY])


def test_roles_let_in_only_in_allowed_servers() -> None:
    settings = DiscordSettings(guilds=(GUILD,), roles=(ROLE,))
    assert settings.lets_in(GUILD, [1, ROLE])
    assert not settings.lets_in(GUILD, [1])
    assert not settings.lets_in(GUILD + 1, [ROLE])


def test_it_hears_all_where_it_is_told_to() -> None:
    assert DiscordSettings(hear_all=True).hears_all([CHANNEL])
    assert DiscordSettings(hear_all=(CATEGORY,)).hears_all([CHANNEL, CATEGORY])
    assert not DiscordSettings(hear_all=(CATEGORY,)).hears_all([CHANNEL])


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": [CHANNEL]},
        {"roles": [ROLE]},
        {"guilds": [0]},
        {"guilds": [1 << 64]},
        {"guilds": ["general"]},
        {"api_base": "https://discord.com/api/v10/"},
        {"gateway": "https://gateway.discord.gg"},
        {"guild": [GUILD]},
        {"token": "a", "token_file": "b"},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiscordSettings.model_validate(wrong)


def test_ids_may_be_written_as_texts() -> None:
    """As environment variables give them."""
    read = DiscordSettings.model_validate({"guilds": ["500"], "hear_all": ["501"]})
    assert read.guilds == (GUILD,)
    assert read.hears_all([CHANNEL])


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(DiscordSettings.model_validate({"token": "secret"}))
