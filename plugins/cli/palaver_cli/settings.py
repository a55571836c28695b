"""The table `[plugins.cli]`."""

from palaver import SettingsModel


class CliSettings(SettingsModel):
    """How the REPL looks.

    Attributes:
        code_theme: Pygments' name for the colours of code; `ansi_dark` and `ansi_light` use the
            terminal's own.
        show_thinking: print the model's reasoning, too.
        bell: ring the terminal's bell when the agent waits for an answer.
    """

    code_theme: str = "ansi_dark"
    show_thinking: bool = False
    bell: bool = True
