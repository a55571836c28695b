"""Ten thousand sessions: a page of them, the index beside the disk, a clean-up beside the loop."""

import asyncio
import os
import resource
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

from benchmarks.harness import Figure, median, percentile, timed, timed_async
from palaver import ConversationId, Engine, Namespace, PluginHost, Session, Settings, open_engine
from palaver.models import now
from palaver.store.rows import session_values
from palaver.store.schema import sessions as table

SESSIONS = 10_000
CHANGED = 100
LISTED = 1_000  # for the SDK's own list, which takes seconds for ten thousand
TRANSCRIPT_BYTES = 2_000
OWNER = Namespace("bench", "one")
MEGABYTE = 1 << 20


async def figures(folder: Path, rounds: int) -> list[Figure]:
    project = folder / "claude" / "projects" / "-bench"
    os.environ["CLAUDE_CONFIG_DIR"] = str(folder / "claude")
    ids = await asyncio.to_thread(_write_transcripts, project)
    settings = Settings.model_validate({"data_dir": folder / "data"})
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        await _fill(engine, project, ids)
        await engine.sessions.refresh(OWNER)
        return [
            await _page(engine, rounds),
            await _index(engine, project, ids, rounds),
            await _sdk_list(engine, project, rounds),
            await _clean_up(engine, project, ids),
            await _memory(folder),
        ]


def _write_transcripts(project: Path) -> list[uuid.UUID]:
    project.mkdir(parents=True)
    ids = [uuid.uuid4() for _ in range(SESSIONS)]
    entry = '{"type":"user","message":{"role":"user","content":"hello"},"pad":"%s"}\n'
    line = entry % ("x" * (TRANSCRIPT_BYTES - len(entry)))
    for session_id in ids:
        (project / f"{session_id}.jsonl").write_text(line)
    return ids


async def _fill(engine: Engine, project: Path, ids: list[uuid.UUID]) -> None:
    """Put the sessions into the database, all at once."""
    moment = now()
    rows = []
    for number, session_id in enumerate(ids):
        session = Session(
            id=session_id,
            namespace=OWNER,
            agent="claude",
            workspace=Path("/bench"),
            title=f"Topic {number}",
            created=moment,
            modified=moment - timedelta(seconds=number),
            turns=1,
            transcript=project / f"{session_id}.jsonl",
        )
        rows.append(session_values(session))
    async with engine._store._database.write() as connection:
        await connection.execute(table.insert(), rows)


async def _page(engine: Engine, rounds: int) -> Figure:
    async def page() -> object:
        return await engine.sessions.page(OWNER, ConversationId("bench"), 1)

    await page()
    own = 1000 * median(await timed_async(page, 10 * rounds))
    return Figure("a page of 10 sessions out of 10,000", own, "ms", 5.0, None, "from the index")


async def _index(engine: Engine, project: Path, ids: list[uuid.UUID], rounds: int) -> Figure:
    def scan() -> None:
        with os.scandir(project) as entries:
            for entry in entries:
                entry.stat()

    def change() -> None:
        moment = time.time()
        for session_id in ids[:CHANGED]:
            path = project / f"{session_id}.jsonl"
            os.utime(path, (moment, moment))

    own, floor = [], []
    for _ in range(rounds):
        floor += await asyncio.to_thread(timed, scan, 1)
        await asyncio.to_thread(change)
        own += await timed_async(lambda: engine.sessions.refresh(OWNER), 1)
    base = 1000 * median(floor)
    how = f"{CHANGED} of 10,000 transcripts have changed; the floor is scandir plus stat of all"
    return Figure("index brought up to date", 1000 * median(own), "ms", 1.5 * base, base, how)


async def _sdk_list(engine: Engine, project: Path, rounds: int) -> Figure:
    from claude_agent_sdk import list_sessions

    small = project.with_name("-bench-small")
    await asyncio.to_thread(_copy_some, project, small)

    async def ours() -> object:
        await engine.sessions.refresh(OWNER)
        return await engine.sessions.page(OWNER, ConversationId("bench"), 1)

    own = 1000 * median(await timed_async(ours, rounds))
    listed = await asyncio.to_thread(timed, lambda: list_sessions("/bench/small"), 3)
    how = "refresh and page of 10,000; the floor is the SDK's list_sessions, for 1,000 of them"
    return Figure("/sessions of 10,000", own, "ms", None, 1000 * median(listed), how)


def _copy_some(project: Path, small: Path) -> None:
    small.mkdir()
    for path in sorted(project.iterdir())[:LISTED]:
        (small / path.name).write_bytes(path.read_bytes())


async def _clean_up(engine: Engine, project: Path, ids: list[uuid.UUID]) -> Figure:
    """Every session is old; the loop must not notice that they go."""
    old = time.time() - 31 * 24 * 3600

    def age() -> None:
        for session_id in ids:
            os.utime(project / f"{session_id}.jsonl", (old, old))

    await asyncio.to_thread(age)
    delays: list[float] = []

    async def watch() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            delays.append(time.perf_counter() - start - 0.001)

    watcher = asyncio.create_task(watch())
    start = time.perf_counter()
    [report] = await engine.trash.clean_up([OWNER])
    taken = time.perf_counter() - start
    watcher.cancel()
    assert len(report.trashed) == SESSIONS
    own = 1000 * percentile(delays, 0.99)
    how = "how late the event loop was while 10,000 sessions moved to the trash"
    return Figure("loop delay in a clean-up, p99", own, "ms", 20.0, None, how, {"seconds": taken})


async def _memory(folder: Path) -> Figure:
    """How much more a process holds that has listed 10,000 sessions than one that has none."""
    code = "import benchmarks.store as b; b.hold({!r}, {})"
    held = []
    for count in (0, SESSIONS):
        command = [sys.executable, "-c", code.format(str(folder / f"memory{count}"), count)]
        held.append(float(await asyncio.to_thread(subprocess.check_output, command)))
    how = "peak memory with 10,000 known, idle sessions, less that with none"
    own = (held[1] - held[0]) / MEGABYTE
    return Figure("memory of 10,000 idle sessions", own, "MB", 10.0, None, how)


def hold(folder: str, count: int) -> None:
    """Print this process's memory in bytes after it has opened and listed that many sessions."""
    asyncio.run(_hold(Path(folder), count))


async def _hold(folder: Path, count: int) -> None:
    settings = Settings.model_validate({"data_dir": folder})
    if count:  # filled by another process, so that filling does not count
        code = f"import benchmarks.store as b; b.fill({str(folder)!r})"
        await asyncio.to_thread(subprocess.check_call, [sys.executable, "-c", code])
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        await engine.sessions.refresh(OWNER)
        await engine.sessions.page(OWNER, ConversationId("bench"), 1)
        print(_private_memory())


def fill(folder: str) -> None:
    """Write 10,000 transcripts and put their sessions into a database in `folder`."""

    async def work() -> None:
        place = Path(folder)
        project = place / "claude" / "projects" / "-bench"
        ids = await asyncio.to_thread(_write_transcripts, project)
        settings = Settings.model_validate({"data_dir": place})
        async with open_engine(settings, PluginHost(settings, [])) as engine:
            await _fill(engine, project, ids)

    asyncio.run(work())


def _private_memory() -> int:
    try:
        import psutil

        return int(psutil.Process().memory_full_info().pss)
    except AttributeError:  # not on Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
