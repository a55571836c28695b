"""Scripts for the loopback model: what it says to what it is asked."""

import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import PurePath

from palaver.testing.model_messages import ModelRequest, Reply, Say, Script, Think, ToolResult, Use

_NUMBER = r"(-?\d+(?:[.,]\d+)*)"
_REMEMBER = re.compile(rf"\bremember\b[^.?!\n]*?{_NUMBER}", re.IGNORECASE)
_RECALL = re.compile(r"\b(?:what|which|recall|tell me)\b.*\bnumber\b", re.IGNORECASE | re.DOTALL)
_WRITE = re.compile(
    r"\b(?:write|create)\s+(?:(?:a|the)\s+)?"
    r"(?:file\s+(?:called\s+|named\s+)?(?P<name>[\w./-]+)|(?P<dotted>[\w./-]+\.\w+))"
    r"\s+(?:with|containing)\s+(?:the\s+(?:text|content)\s+)?(?P<text>.+)\Z",
    re.IGNORECASE | re.DOTALL,
)
_RUN = re.compile(r"\A\W*(?:please\s+)?run\s+(?P<command>.+)\Z", re.IGNORECASE | re.DOTALL)
_THINK = re.compile(r"\A\W*think\b", re.IGNORECASE)
_SLOWLY = re.compile(r"\bslowly\b", re.IGNORECASE)
_SLOW_WORDS = 40
_SLOW_DELAY_S = 0.1
_SHOWN_CHARACTERS = 200


def conversation_script(request: ModelRequest) -> Reply:
    """A small talker that answers from the request alone, so that memory is the session's.

    It knows a handful of phrases: "Remember the number 42", "What number did I tell you?",
    "Write a file NAME with TEXT", "run COMMAND", "think ...", "... slowly". A compaction gets a
    summary that keeps the numbers. Anything else gets a friendly echo.
    """
    if request.kind == "compact":
        return _summary(request)
    if request.tool_results:
        return "\n\n".join(_outcome(result) for result in request.tool_results)
    return next(reply for talk in _TALKS if (reply := talk(request)) is not None)


def replies(*answers: Reply, then: Script | None = None) -> Script:
    """A script that gives these replies one after another, whatever is asked.

    Compactions, and everything after the last reply, are answered by `then`, by default
    `conversation_script`.
    """
    left: Iterator[Reply] = iter(answers)
    otherwise = then or conversation_script

    def script(request: ModelRequest) -> Reply | Awaitable[Reply]:
        answer = None if request.kind == "compact" else next(left, None)
        return otherwise(request) if answer is None else answer

    return script


def _numbers(request: ModelRequest) -> list[str]:
    """The numbers the user asked to remember, oldest first; a summary's count too."""
    said = [text for role, text in request.history if role == "user"]
    return [number for text in said for number in _REMEMBER.findall(text)]


def _summary(request: ModelRequest) -> str:
    lines = [f"- The user asked me to remember the number {n}." for n in _numbers(request)]
    kept = "\n".join(lines) or "- We talked; there was nothing to keep."
    return f"<analysis>\nI looked through it all.\n</analysis>\n\n<summary>\n{kept}\n</summary>"


def _remember(request: ModelRequest) -> Reply | None:
    found = _REMEMBER.search(request.prompt)
    return f"I'll remember the number {found[1]}." if found else None


def _recall(request: ModelRequest) -> Reply | None:
    if not _RECALL.search(request.prompt):
        return None
    numbers = _numbers(request)
    if numbers:
        return f"You told me the number {numbers[-1]}."
    return (
        "I don't recall you mentioning any number. This looks like the start of our conversation."
    )


def _write(request: ModelRequest) -> Reply | None:
    found = _WRITE.search(request.prompt)
    if not found:
        return None
    name = found["name"] or found["dotted"]
    path = PurePath(request.directory or "/") / name
    call = Use("Write", {"file_path": str(path), "content": found["text"].strip()})
    return [Say(f"I'll write {name}."), call]


def _run(request: ModelRequest) -> Reply | None:
    found = _RUN.match(request.prompt)
    if not found:
        return None
    command = found["command"].strip().strip("`")
    return Use("Bash", {"command": command, "description": "Run the command the user gave"})


def _think(request: ModelRequest) -> Reply | None:
    if not _THINK.match(request.prompt):
        return None
    return [Think("Let me turn that over in my mind."), Say("I have thought about it.")]


def _slowly(request: ModelRequest) -> Reply | None:
    if not _SLOWLY.search(request.prompt):
        return None
    words = " ".join(str(number) for number in range(1, _SLOW_WORDS + 1))
    return Say(f"Slowly, then: {words} and done.", words_per_chunk=1, delay_s=_SLOW_DELAY_S)


def _echo(request: ModelRequest) -> Reply:
    count = len(request.images)
    seen = f"I see {count} image{'s' if count > 1 else ''}." if count else ""
    said = f"Hello! You said: {request.prompt[:_SHOWN_CHARACTERS]}" if request.prompt else ""
    return " ".join(filter(None, [said, seen])) or "I have taken note of it."


_TALKS: tuple[Callable[[ModelRequest], Reply | None], ...] = (
    _remember,
    _recall,
    _write,
    _run,
    _think,
    _slowly,
    _echo,
)


def _outcome(result: ToolResult) -> str:
    name = PurePath(str(result.input.get("file_path", ""))).name
    match result.tool, result.is_error:
        case "Write", False:
            return f"I have written {name}."
        case "Write", True:
            return f"I was not allowed to write {name}: {result.text}"
        case "Bash", False:
            return f"The command printed:\n\n```\n{result.text}\n```"
        case "Bash", True:
            return f"The command failed or was not allowed: {result.text}"
        case tool, is_error:
            return f"{tool} {'failed' if is_error else 'answered'}: {result.text}"
