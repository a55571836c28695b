"""Warm processes: kept within limits, handed out again, never trusted when stale."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import palaver.agents.pool
from palaver.agents.contract import AgentProcess
from palaver.agents.pool import Pool
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedSettings
from palaver.errors import AgentCrashedError
from palaver.identity import Namespace
from palaver.models import Session, Stamp, now


class Counting(ScriptedAgent):
    """Counts what it opens; fails while `broken`; each process seems to hold `weight` bytes."""

    broken = False
    weight = 0

    def __init__(self, settings: ScriptedSettings, data_dir: Path) -> None:
        super().__init__(settings, data_dir)
        self.opened = 0
        self.processes: list[AgentProcess] = []

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        self.opened += 1
        if self.broken:
            raise AgentCrashedError("It does not start.")
        process = await super().open(session, resume=resume)
        assert isinstance(process, ScriptedProcess)
        process.memory = lambda: self.weight  # type: ignore[method-assign]  # a size to test with
        self.processes.append(process)
        return process


@pytest.fixture
def agent(tmp_path: Path) -> Counting:
    return Counting(ScriptedSettings(max_warm=2, idle_s=60), tmp_path)


@pytest.fixture
async def pool(agent: Counting) -> AsyncIterator[Pool]:
    pool = Pool(agent)
    yield pool
    await pool.close()


def session(**changes: object) -> Session:
    values: dict[str, object] = {
        "id": uuid.uuid4(),
        "namespace": Namespace("chat", "alice"),
        "agent": "scripted",
        "workspace": Path("/"),
        "created": now(),
        "modified": now(),
    }
    return Session.model_validate(values | changes)


async def use(pool: Pool, one: Session, *, keep: bool = True) -> AgentProcess:
    lease = await pool.acquire(one)
    await pool.release(lease, keep=keep)
    return lease.process


async def test_a_process_is_used_again(pool: Pool, agent: Counting) -> None:
    one = session()
    assert await use(pool, one) is await use(pool, one)
    assert agent.opened == 1


async def test_what_is_not_kept_is_closed(pool: Pool, agent: Counting) -> None:
    one = session()
    process = await use(pool, one, keep=False)
    assert not process.alive
    await use(pool, one)
    assert agent.opened == 2


async def test_the_least_recently_used_goes_when_there_are_too_many(pool: Pool) -> None:
    sessions = [session() for _ in range(3)]
    processes = [await use(pool, one) for one in sessions]
    assert pool.warm == [sessions[1].id, sessions[2].id]
    await asyncio.sleep(0.05)
    assert [process.alive for process in processes] == [False, True, True]


async def test_idle_processes_keep_to_the_memory_budget(agent: Counting, tmp_path: Path) -> None:
    agent = Counting(ScriptedSettings(max_warm=10, warm_memory_mb=100), tmp_path)
    agent.weight = 40 << 20
    pool = Pool(agent)
    sessions = [session() for _ in range(4)]
    for one in sessions:
        await use(pool, one)
    assert pool.warm == [sessions[2].id, sessions[3].id]
    await pool.close()


async def test_an_idle_process_is_closed_in_time(tmp_path: Path) -> None:
    pool = Pool(Counting(ScriptedSettings(idle_s=0.1), tmp_path))
    process = await use(pool, session())
    await asyncio.sleep(1)
    assert pool.warm == []
    assert not process.alive
    await pool.close()


async def test_a_prewarmed_process_serves_the_first_prompt(pool: Pool, agent: Counting) -> None:
    one = session()
    pool.prewarm(one)
    pool.prewarm(one)
    await use(pool, one)
    assert agent.opened == 1


async def test_a_prewarming_that_failed_is_tried_again(pool: Pool, agent: Counting) -> None:
    one = session()
    agent.broken = True
    pool.prewarm(one)
    await asyncio.sleep(0.01)
    agent.broken = False
    assert (await use(pool, one)).alive
    assert agent.opened == 2


async def test_a_process_whose_transcript_another_has_changed_is_opened_anew(
    pool: Pool, agent: Counting
) -> None:
    one = session()
    agent.transcripts.append(one.id, uuid.uuid4(), "user", "hello")
    lease = await pool.acquire(one)
    await pool.release(lease, keep=True)
    agent.transcripts.append(one.id, uuid.uuid4(), "user", "from another terminal")
    assert await use(pool, one) is not lease.process
    assert not lease.process.alive


async def test_a_changed_model_reaches_the_warm_process(pool: Pool) -> None:
    one = session()
    process = await use(pool, one)
    assert isinstance(process, ScriptedProcess)
    await use(pool, one.model_copy(update={"model": "opus"}))
    assert process.model == "opus"


async def test_no_more_run_at_once_than_allowed(tmp_path: Path) -> None:
    pool = Pool(Counting(ScriptedSettings(max_running=1), tmp_path))
    first = await pool.acquire(session())
    second = asyncio.create_task(pool.acquire(session()))
    await asyncio.sleep(0.02)
    assert not second.done()
    await pool.release(first, keep=False)
    await pool.release(await second, keep=False)
    await pool.close()


async def test_close_ends_everything_even_what_is_still_being_opened(tmp_path: Path) -> None:
    pool = Pool(Counting(ScriptedSettings(start_s=60), tmp_path))
    pool.prewarm(session())
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await pool.close()
    assert pool.warm == []


# --- cancelled, or closed, in the middle --------------------------------------------------------


class Disk:
    """A disk on which looking at a transcript takes until `go_on`."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._answers = threading.Event()
        self.go_on = self._answers.set

    def stamp(self, path: Path | None) -> Stamp | None:
        self._loop.call_soon_threadsafe(self.asked.set)
        self._answers.wait(10)
        return None


@pytest.fixture
async def slow_disk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(palaver.agents.pool, "_stamp", disk.stamp)
    yield disk
    disk.go_on()


async def cancelled(task: "asyncio.Task[object]", disk: Disk) -> None:
    async with asyncio.timeout(5):
        await disk.asked.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_process_is_closed_if_its_prompt_is_cancelled_when_it_has_just_been_opened(
    pool: Pool, agent: Counting, slow_disk: Disk
) -> None:
    await cancelled(asyncio.create_task(pool.acquire(session())), slow_disk)
    assert [process.alive for process in agent.processes] == [False]


async def test_a_process_is_closed_if_its_prompt_is_cancelled_while_it_is_being_prewarmed(
    pool: Pool, agent: Counting, slow_disk: Disk
) -> None:
    one = session()
    pool.prewarm(one)
    await cancelled(asyncio.create_task(pool.acquire(one)), slow_disk)
    assert [process.alive for process in agent.processes] == [False]
    assert pool.warm == []


async def test_a_warm_process_is_closed_if_its_prompt_is_cancelled_while_it_is_checked(
    pool: Pool, agent: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session()
    agent.transcripts.append(one.id, uuid.uuid4(), "user", "hello")
    lease = await pool.acquire(one)
    lease.unsettled = False
    await pool.release(lease, keep=True)
    disk = Disk()
    monkeypatch.setattr(palaver.agents.pool, "_stamp", disk.stamp)
    await cancelled(asyncio.create_task(pool.acquire(one)), disk)
    disk.go_on()
    assert [process.alive for process in agent.processes] == [False]


async def test_a_process_that_is_discarded_when_it_has_just_been_prewarmed_is_closed(
    pool: Pool, agent: Counting, slow_disk: Disk
) -> None:
    one = session()
    pool.prewarm(one)
    await slow_disk.asked.wait()
    await pool.discard(one.id)
    assert [process.alive for process in agent.processes] == [False]


async def test_a_prompt_that_is_cancelled_makes_room_for_the_next(
    tmp_path: Path, slow_disk: Disk
) -> None:
    pool = Pool(Counting(ScriptedSettings(max_running=1), tmp_path))
    await cancelled(asyncio.create_task(pool.acquire(session())), slow_disk)
    slow_disk.go_on()
    async with asyncio.timeout(5):
        await use(pool, session())
    await pool.close()


async def test_a_process_that_is_given_back_to_a_closed_pool_is_closed(
    pool: Pool, agent: Counting
) -> None:
    lease = await pool.acquire(session())
    await pool.close()
    await pool.release(lease, keep=True)
    assert not lease.process.alive
    assert pool.warm == []
