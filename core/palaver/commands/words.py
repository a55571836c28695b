"""How numbers, times and sizes are said, the same in every chat."""

from datetime import datetime


def when(moment: datetime, *, seconds: bool = False) -> str:
    """A time as the machine's clock shows it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def size(count: int) -> str:
    """Bytes as kilobytes or megabytes."""
    kilobytes = count / 1024
    return f"{kilobytes:.1f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def counted(number: int, thing: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def money(dollars: float) -> str:
    """US dollars; small sums to the hundredth of a cent."""
    return f"${dollars:.2f}" if dollars >= 1 else f"${dollars:.4f}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
