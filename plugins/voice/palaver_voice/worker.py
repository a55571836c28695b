"""One recording to text: `python -m palaver_voice.worker FILE SECONDS`, in a process of its own.

Prints one line of JSON: `{"text"}`, or `{"problem": "long" | "unreadable", "detail"}`.
"""

import array
import json
import os
import sys
from typing import Any

RATE = 16_000
"""Samples a second, as the model wants them."""
NICENESS = 10


class TooLongError(Exception):
    """Raised for a recording of more seconds than it may have."""


def samples(path: str, limit_s: float) -> "array.array[float]":
    """The sound of a file, mixed to one channel.

    Raises:
        TooLongError: if there is more of it than that; the rest is not looked at.
        OSError, ValueError: if it cannot be read.
    """
    import av

    try:
        return _samples(path, limit_s)
    except av.FFmpegError as error:
        raise ValueError(str(error)) from error


def _samples(path: str, limit_s: float) -> "array.array[float]":
    import av

    sound = array.array("f")
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(path) as container:
        if not container.streams.audio:
            raise ValueError("it holds no sound")
        for frame in container.decode(container.streams.audio[0]):
            for piece in resampler.resample(frame):
                sound.frombytes(bytes(piece.planes[0])[: piece.samples * sound.itemsize])
            if len(sound) > limit_s * RATE:
                raise TooLongError
        for piece in resampler.resample(None):
            sound.frombytes(bytes(piece.planes[0])[: piece.samples * sound.itemsize])
    if not sound:
        raise ValueError("it holds no sound")
    return sound


def heard(sound: "array.array[float]") -> str:
    """What is said, by the model that comes in the package: no network is used."""
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_model_path

    with Transcriber(get_model_path("tiny-en"), ModelArch.TINY) as transcriber:
        transcript = transcriber.transcribe_without_streaming(sound, RATE)
    return " ".join(filter(None, (line.text.strip() for line in transcript.lines)))


def answer(path: str, limit_s: float) -> dict[str, Any]:
    """What is printed."""
    try:
        sound = samples(path, limit_s)
    except TooLongError:
        return {"problem": "long"}
    except (OSError, ValueError) as error:
        return {"problem": "unreadable", "detail": f"{type(error).__name__}: {error}"}
    return {"text": heard(sound)}


def main() -> None:
    """Keep the standard output for the answer: libraries written in C may print, too."""
    os.nice(NICENESS)
    out = os.dup(1)
    os.dup2(2, 1)
    line = json.dumps(answer(sys.argv[1], float(sys.argv[2])))
    with open(out, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(line)


if __name__ == "__main__":
    main()
