"""Discord's Markdown as its client reads it, as far as something can be hidden by it.

The rules and their order are those of the client's parser (simple-markdown): at each place the
first that matches is taken; what none matches is text. Emphasis and links are left out.
"""

import re
from dataclasses import dataclass, field

from simcord.components import validate_message_state

from palaver_discord.render import Message

_RULES = {
    "escape": re.compile(r"\\([^0-9A-Za-z\s])"),
    "block": re.compile(r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```", re.IGNORECASE),
    "code": re.compile(r"(`+)([\s\S]*?[^`])\1(?!`)"),
    "spoiler": re.compile(r"\|\|([\s\S]+?)\|\|"),
    "replaced": re.compile(
        r"<(?:@[!&]?\d+|#\d+|t:-?\d+(?::[a-zA-Z])?|a?:\w+:\d+|id:\w+|/[^:>\n]+:\d+)>"
    ),
}


@dataclass
class Read:
    """What the client makes of a text.

    Attributes:
        shown: the text without escapes.
        blocks: code blocks, in order: language and content.
        hidden: spoilers, and what is replaced by something else.
    """

    shown: str = ""
    blocks: list[tuple[str, str]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def read(text: str) -> Read:
    """Read a text from its beginning to its end."""
    found, place = Read(), 0
    while place < len(text):
        matches = ((name, rule.match(text, place)) for name, rule in _RULES.items())
        name, match = next(((name, match) for name, match in matches if match), ("text", None))
        if match is None:
            found.shown += text[place]
            place += 1
            continue
        place = match.end()
        if name == "block":
            found.blocks.append((match[1] or "", match[2]))
        if name in {"spoiler", "replaced"}:
            found.hidden.append(match[0])
        found.shown += match[1] if name == "escape" else match[0]
    return found


def accepted(message: Message) -> str:
    """All that is to be read in a message that Discord takes; a refusal is raised."""
    arguments = message.as_message()
    embed, buttons = arguments.get("embed"), arguments.get("view")
    embeds = [embed.to_dict()] if embed else []
    validate_message_state(
        buttons.to_components() if buttons else [],
        flags=0,
        content=message.content,
        embeds=embeds,
        require_nonempty=True,
    )
    texts = [message.content or ""]
    if embed:
        fields = [text for one in embed.fields for text in (one.name, one.value)]
        assert all(text and text.strip() for text in fields), "blank fields are refused"
        texts += [embed.title or "", embed.description or "", *map(str, fields)]
    hidden = [one for text in texts for one in read(text).hidden]
    assert hidden == []
    return "\n".join([*texts, (embed.footer.text or "") if embed else ""])
