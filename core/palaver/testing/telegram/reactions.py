"""The reactions that a bot may set."""

from palaver.testing.telegram.wire import Fields, bad_request

_ALLOWED = """
👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯
🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡
🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡
"""
#: Source: ReactionTypeEmoji of the Bot API.
EMOJI = frozenset(_ALLOWED.split())
_VARIATION = "\ufe0f"


def read_reactions(given: Fields) -> tuple[str, ...]:
    """The emoji of a request. Raises ApiError 400: a bot may set one, of those above."""
    chosen = []
    for reaction in given.items("reaction"):
        emoji = reaction.text("emoji").replace(_VARIATION, "")
        if reaction.text("type") != "emoji" or emoji not in EMOJI:
            raise bad_request("REACTION_INVALID")
        chosen.append(emoji)
    if len(chosen) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    return tuple(chosen)
