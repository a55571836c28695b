"""A strict loopback Telegram Bot API server, for end-to-end tests of bots.

Any library that lets its base URL be set can talk to it; it imports none. See `BotApi`.
"""

from palaver.testing.clock import Clock
from palaver.testing.images import png
from palaver.testing.telegram.calls import Call, CallLog
from palaver.testing.telegram.chats import Chat, Place, Topic
from palaver.testing.telegram.entities import Entity
from palaver.testing.telegram.faults import Fault, Faults
from palaver.testing.telegram.files import StoredFile
from palaver.testing.telegram.limits import FloodLimits, Rate
from palaver.testing.telegram.markup import Button
from palaver.testing.telegram.messages import ChatAction, Draft, Message
from palaver.testing.telegram.people import Attached, Person
from palaver.testing.telegram.presses import Press, PressAnswer
from palaver.testing.telegram.scene import Problem
from palaver.testing.telegram.server import TOKEN, BotApi
from palaver.testing.telegram.wire import ApiError

__all__ = [
    "TOKEN",
    "ApiError",
    "Attached",
    "BotApi",
    "Button",
    "Call",
    "CallLog",
    "Chat",
    "ChatAction",
    "Clock",
    "Draft",
    "Entity",
    "Fault",
    "Faults",
    "FloodLimits",
    "Message",
    "Person",
    "Place",
    "Press",
    "PressAnswer",
    "Problem",
    "Rate",
    "StoredFile",
    "Topic",
    "png",
]
