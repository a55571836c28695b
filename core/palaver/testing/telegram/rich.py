"""Rich messages: Markdown or HTML with headings and tables (Bot API 10.1).

No open parser of them exists, so the text is judged by its limits and answered as one paragraph:
the `RichMessage` in an answer has the text and not its structure. `Message.text` is what was sent.
"""

import re

from palaver.testing.telegram.messages import Content
from palaver.testing.telegram.wire import Fields, Json, JsonObject, bad_request

#: Characters of a rich message. Source: the Bot API, "Rich message limits".
MAX_RICH = 32_768
#: Columns of a table in one. Source: the same.
MAX_COLUMNS = 20
#: Blocks of one. Source: the same; here only rows of tables and paragraphs are counted.
MAX_BLOCKS = 500

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")


def read_rich(given: Fields, *, draft: bool = False) -> Content:
    """The rich message of a request. Raises ApiError 400; its texts are not Telegram's."""
    rich = given.nested("rich_message") or Fields({})
    texts = [rich.text(name) for name in ("markdown", "html") if name in rich]
    if len(texts) != 1:
        raise bad_request("exactly one of the fields html and markdown must be used")
    (text,) = texts
    if not text.strip() and not draft:
        raise bad_request("rich message must be non-empty")
    if len(text) > MAX_RICH:
        raise bad_request("message is too long")
    if "markdown" in rich:
        _check_markdown(text)
    paragraph: JsonObject = {"type": "paragraph", "text": text}
    blocks: list[Json] = [paragraph]
    return Content("rich", rich=rich.values, extra={"rich_message": {"blocks": blocks}})


def _check_markdown(text: str) -> None:
    """Judge what can be known without a parser: the width of tables, the number of blocks."""
    fence = ""
    before = ""
    blocks = 0
    for line in text.splitlines():
        opened = _FENCE.match(line)
        if opened:
            fence = "" if fence and opened[1].startswith(fence) else fence or opened[1]
        elif not fence and "|" in before and _RULE.match(line) and _columns(line) > MAX_COLUMNS:
            raise bad_request(f"a table has more than {MAX_COLUMNS} columns")
        blocks += not fence and ("|" in line or (bool(line.strip()) and not before.strip()))
        before = line
    if blocks > MAX_BLOCKS:
        raise bad_request(f"a rich message has more than {MAX_BLOCKS} blocks")


def _columns(line: str) -> int:
    return line.strip().strip("|").count("|") + 1
