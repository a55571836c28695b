"""A Palaver of its own, to be killed: `python living.py DATA_DIR MESSAGE ...`.

Submits the messages one after the other in one conversation and prints each event's type.
"""

import asyncio
import sys
from pathlib import Path

from palaver.config import Settings
from palaver.engine import open_engine
from palaver.feeds import Submission
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.plugins import PluginHost


async def tell(submission: Submission) -> None:
    async for event in submission:
        print(event.type, flush=True)


async def main(data_dir: Path, agent: str, messages: list[str]) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": data_dir,
            "sessions": {"agent": agent},
            "access": {"owners": ["chat:*"]},
        }
    )
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        submissions = []
        for number, text in enumerate(messages):
            prompt = Prompt(
                namespace=Namespace("chat", "alice"),
                conversation=ConversationId("home"),
                text=text,
                key=f"message-{number}",
            )
            submissions.append(await engine.submit(prompt))
        print("durable", flush=True)
        await asyncio.gather(*map(tell, submissions))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
