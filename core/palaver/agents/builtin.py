"""The agents that come with Palaver, registered as a plugin's would be."""

from palaver.agents.claude.agent import ClaudeAgent
from palaver.agents.contract import Agent
from palaver.agents.scripted import ScriptedAgent
from palaver.markers import hookimpl


@hookimpl
def register_agents() -> list[type[Agent]]:
    """`claude`, and `scripted` for tests."""
    return [ClaudeAgent, ScriptedAgent]
