"""Speech to test with: espeak-ng says it, FFmpeg's libraries pack it as Telegram's voices are.

python tests/voice/speech.py FILE.ogg WORDS ...
"""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import av

ESPEAK = shutil.which("espeak-ng")


def say(words: str) -> bytes:
    """A recording of a synthetic voice: OGG with Opus, one channel."""
    assert ESPEAK, "install espeak-ng"
    command = [ESPEAK, "-v", "en-us", "--stdout", words]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    return packed(io.BytesIO(spoken))


def packed(wave: io.BytesIO) -> bytes:
    """Any sound as OGG with Opus."""
    out = io.BytesIO()
    with av.open(wave, "r") as source, av.open(out, "w", format="ogg") as target:
        stream = target.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 24_000
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in (*source.decode(audio=0), None):
            for piece in resampler.resample(frame):
                target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


def silence(seconds: float) -> bytes:
    """A recording of nothing."""
    import wave

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(seconds * 32_000)))
    return packed(io.BytesIO(out.getvalue()))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(say(" ".join(sys.argv[2:])))
