"""`python -m benchmarks [GROUP ...]`: measure, and print the table."""

import argparse
import asyncio
import importlib
import importlib.metadata
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness import Figure, table

GROUPS = ("turns", "telegram", "neighbours", "store", "engine", "startup")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=15, help="of what is repeated (15)")
    arguments = parser.parse_args()
    print(machine())
    figures: list[Figure] = []
    for group in arguments.groups or GROUPS:
        module = importlib.import_module(f"benchmarks.{group}")
        with tempfile.TemporaryDirectory(prefix="palaver-bench-") as folder:
            figures += asyncio.run(module.figures(Path(folder), arguments.rounds))
    print()
    print(table(figures))


def machine() -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("palaver", "claude-agent-sdk", "sqlalchemy", "pydantic")
    )
    now = datetime.now(UTC).date()
    return f"{now}, Python {platform.python_version()}, {os.cpu_count()} cores, {versions}"


if __name__ == "__main__":
    main()
