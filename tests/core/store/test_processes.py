"""Several processes on one database, and some that die in the middle."""

import json
import signal
import sqlite3
from pathlib import Path
from uuid import UUID

from core.store.samples import ALICE, a_session, a_turn, another_process
from palaver.store import Store

CLAIM = """
    import asyncio, sys
    from uuid import UUID
    from palaver.store import Store

    async def main(file, runner, *turns):
        store = await Store.open(file)
        print("ready", flush=True)
        sys.stdin.readline()
        for turn in turns:
            if await store.ledger.claim(UUID(turn), runner):
                print(turn, flush=True)
        await store.close()

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_of_two_processes_that_claim_a_turn_one_gets_it(store: Store) -> None:
    turns = []
    for _ in range(100):
        session = a_session()
        await store.of(ALICE).add(session)
        turns.append(a_turn(session))
        await store.ledger.add(turns[-1])
    ids = [turn.id for turn in turns]
    files = store._database._path
    processes = [another_process(CLAIM, files, f"{number}:1", *ids) for number in range(2)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [process.communicate()[0].split() for process in processes]
    assert sorted(won[0] + won[1]) == sorted(map(str, ids))
    for number, claimed in enumerate(won):
        for turn_id in claimed:
            turn = await store.ledger.get(ALICE, UUID(turn_id))
            assert turn is not None
            assert turn.runner == f"{number}:1"


WRITE = """
    import asyncio, sys
    from core.store.samples import ALICE, a_session, a_turn, over
    from palaver.store import Store

    async def main(file):
        store = await Store.open(file)
        async def one():
            while True:
                session = a_session()
                await store.of(ALICE).add(session)
                turn = a_turn(session, "a prompt " * 100)
                await store.ledger.add(turn)
                print(turn.id, "added", flush=True)
                await store.ledger.claim(turn.id, "1:1")
                counted = session.model_copy(update={"turns": 1})
                await store.ledger.finish(over(turn, answer="an answer " * 100), counted)
                print(turn.id, "done", flush=True)
        await asyncio.gather(*(one() for _ in range(4)))

    asyncio.run(main(sys.argv[1]))
"""


async def test_what_was_kept_outlives_a_kill_in_the_middle_of_writing(file: Path) -> None:
    seen: dict[str, str] = {}
    for _ in range(3):
        process = another_process(WRITE, file, cwd=Path(__file__).parents[2])
        assert process.stdout
        for _ in range(150):
            turn_id, state = process.stdout.readline().split()
            seen[turn_id] = state
        process.send_signal(signal.SIGKILL)
        for line in process.communicate()[0].splitlines(keepends=True):
            if line.endswith("\n"):  # the last one may be cut
                turn_id, state = line.split()
                seen[turn_id] = state
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    store = await Store.open(file)
    for turn_id, state in seen.items():
        turn = await store.ledger.get(ALICE, UUID(turn_id))
        assert turn is not None
        session = await store.of(ALICE).get(turn.session_id)
        assert session.turns == (turn.state == "done")
        assert state == "added" or turn.state == "done"
    await store.close()


OPEN = """
    import asyncio, json, sys
    from palaver.store import Store

    async def main(file):
        store = await Store.open(file)
        answer = len(await store.namespaces())
        await store.close()
        return answer

    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
"""


def test_processes_that_open_a_new_database_at_once_all_succeed(tmp_path: Path) -> None:
    processes = [another_process(OPEN, tmp_path / "new" / "palaver.db") for _ in range(5)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [json.loads(process.communicate()[0]) for process in processes] == [0] * 5
