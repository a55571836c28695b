"""A machine of its own for the `palaver` command: a home, an environment, a configuration."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PALAVER = (sys.executable, "-m", "palaver.app")
_TESTCHAT = Path(__file__).parent / "testchat.py"


@dataclass
class World:
    """Where commands run; nothing in it is the real user's."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.workspace.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder),
            # other plugins of this distribution have their own tests
            "PALAVER_PLUGINS_DISABLED": '["discord", "telegram"]',
            **self.environment,
        }

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def config(self) -> Path:
        """The usual configuration file."""
        return self.home / ".config" / "palaver" / "palaver.toml"

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "palaver"

    @property
    def journal(self) -> Path:
        """What `testchat` has written down."""
        return self.folder / "journal"

    def journal_lines(self) -> list[str]:
        return self.journal.read_text("utf-8").splitlines() if self.journal.exists() else []

    def configure(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text, "utf-8")

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run `palaver` to its end, without a terminal."""
        return subprocess.run(
            [*PALAVER, *arguments],
            env=self.environment | environment,
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def start(self, *arguments: str, **environment: str) -> "Iterator[Running]":
        """Run `palaver` in the background; it is killed in the end if it still runs."""
        log = self.folder / "log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*PALAVER, *arguments],
                env=self.environment | environment,
                cwd=self.workspace,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            yield Running(process, log)
        finally:
            process.kill()
            process.wait()

    def install_testchat(self) -> None:
        """Put the plugin where Python finds it as an installed distribution."""
        site = self.folder / "site"
        metadata = site / "palaver_testchat-1.0.dist-info"
        metadata.mkdir(parents=True)
        shutil.copy(_TESTCHAT, site / "palaver_testchat.py")
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: palaver-testchat\nVersion: 1.0\n"
        )
        (metadata / "entry_points.txt").write_text("[palaver]\ntestchat = palaver_testchat\n")
        self.environment["PYTHONPATH"] = str(site)


@dataclass
class Running:
    """A `palaver` in the background."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def until(self, condition: Callable[[], bool], *, limit_s: float = 20) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end or self.process.poll() is not None:
                assert condition(), f"it did not come to that: {self.log.read_text()}"
                return
            time.sleep(0.02)

    def until_logged(self, text: str) -> None:
        self.until(lambda: text in self.log.read_text())

    def end(self, number: signal.Signals = signal.SIGTERM, *, limit_s: float = 20) -> int:
        """Send a signal; the exit code, negative if it was the signal itself that ended it."""
        self.process.send_signal(number)
        return self.process.wait(limit_s)
