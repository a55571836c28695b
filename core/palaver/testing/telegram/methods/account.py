"""What the bot says about itself: its name, its commands, its menu button; and presses."""

from palaver.testing.telegram.methods.common import Handler
from palaver.testing.telegram.wire import Fields, Json, JsonObject, bad_request
from palaver.testing.telegram.world import World


def get_me(world: World, _given: Fields) -> Json:
    """getMe."""
    return world.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": world.reads_all_groups,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": world.private_topics,
        "allows_users_to_create_topics": world.private_topics,
    }


def set_my_commands(world: World, given: Fields) -> Json:
    """setMyCommands."""
    _check_scope(world, given)
    world.commands.set(given)
    world.signal.notify()
    return True


def get_my_commands(world: World, given: Fields) -> Json:
    """getMyCommands."""
    _check_scope(world, given)
    return [
        {"command": name, "description": description}
        for name, description in world.commands.get(given).items()
    ]


def delete_my_commands(world: World, given: Fields) -> Json:
    """deleteMyCommands."""
    _check_scope(world, given)
    world.commands.delete(given)
    return True


def _check_scope(world: World, given: Fields) -> None:
    scope = given.nested("scope")
    if scope is not None and "chat_id" in scope:
        world.chat_of(scope)


def _told(name: str, field: str, limit: int) -> dict[str, Handler]:
    """The pair of methods for a text about the bot, by language."""

    def key(given: Fields) -> str:
        return f"{field}:{given.text('language_code')}"

    def tell(world: World, given: Fields) -> Json:
        if len(given.text(field)) > limit:
            raise bad_request(f"{field} is too long")
        world.profile[key(given)] = given.text(field)
        return True

    def told(world: World, given: Fields) -> Json:
        default = str(world.bot["first_name"]) if field == "name" else ""
        text = world.profile.get(key(given)) or world.profile.get(f"{field}:") or default
        return {field: text}

    return {f"setMy{name}": tell, f"getMy{name}": told}


def set_chat_menu_button(world: World, given: Fields) -> Json:
    """setChatMenuButton."""
    button = given.nested("menu_button")
    chat = world.chat_of(given).id if "chat_id" in given else 0
    world.menu_buttons[chat] = button.values if button else {"type": "default"}
    return True


def get_chat_menu_button(world: World, given: Fields) -> Json:
    """getChatMenuButton."""
    chat = world.chat_of(given).id if "chat_id" in given else 0
    commands: JsonObject = {"type": "commands"}
    return world.menu_buttons.get(chat, world.menu_buttons.get(0, commands))


def answer_callback_query(world: World, given: Fields) -> Json:
    """answerCallbackQuery."""
    world.presses.answer(
        given.text("callback_query_id"),
        given.text("text"),
        given.text("url"),
        alert=given.flag("show_alert"),
    )
    return True


HANDLERS: dict[str, Handler] = {
    "getMe": get_me,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "answerCallbackQuery": answer_callback_query,
    **_told("Name", "name", 64),
    **_told("Description", "description", 512),
    **_told("ShortDescription", "short_description", 120),
}
