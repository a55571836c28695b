"""A session is named where all of them are listed: what can be done with ten of them has room."""

from palaver.testing.discord import Member
from support.discord_people import choose, options, says
from support.discords import Palaver


async def test_any_session_of_a_full_page_is_renamed_in_a_window(
    palaver: Palaver, owner: Member
) -> None:
    for number in range(12):
        await owner.dm("/newsession")
        await says(owner, owner.direct, f"matter {number}", f"matter {number}\n\n")
    asked = await owner.command("sessions", in_=owner.direct)
    page = await asked.wait_for_text("Your Claude Sessions")
    assert [len(options(page, name)) for name in ("Info", "Rename", "Delete")] == [10, 10, 10]
    assert len(options(page, "Switch")) == 9
    assert "Older ▶" in page.buttons
    assert "/rename" not in page.text
    modal = await (await choose(owner, page, "Rename", "10. matter 2")).shown_modal()
    await owner.submit(modal, {"The new name": "My Project"})
    await owner.direct.wait_for_text("Renamed to “My Project”")
    again = await (await owner.command("sessions", in_=owner.direct)).wait_for_text("My Project")
    assert options(again, "Rename")[-1] == "10. My Project"
