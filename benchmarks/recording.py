"""A voice message of any length, from the recordings that the tests have."""

import io
from pathlib import Path

_SPOKEN = Path(__file__).parent.parent / "tests/voice/numbers.ogg"


def long_recording(seconds: float) -> bytes:
    """The same words over and over: OGG with Opus, one channel, as Telegram's voices are."""
    import av

    out = io.BytesIO()
    with av.open(_SPOKEN) as source:
        frames = list(source.decode(audio=0))
    with av.open(out, "w", format="ogg") as target:
        stream = target.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 24_000
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        made = 0
        while made < seconds * 48_000:
            for frame in frames:
                frame.pts = None
                for piece in resampler.resample(frame):
                    made += piece.samples
                    target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()
