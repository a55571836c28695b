"""What hypothesis makes up: texts, actions and views, however odd."""

from hypothesis import strategies as st

from palaver import Action, FieldRow, Item, View

ANY = st.characters(exclude_categories=["Cs"])  # a view holds no halves of characters
anything = st.text(ANY, max_size=300)
signs = ["**", "*", "_", "__", "~~", "`", "``", "```", "~~~", ">", ">>", "-", "|", "[", "](", ")"]
others = ["![", "<b>", "&amp;", "---", "===", "\\", "$$", "🙂", "é", "漢", "<!--"]
blocks = ["```python\n", "# ", "1. ", "   ", "    ", "\t", "\n", "\n\n", "http://a.b)", "\r\n"]
tables = ["\n|---|---|\n", "| a | b |", "- [ ] ", "\n> ", "\n~~~\n", "\n```\n", "\n    x"]
odd = ["\u202e", "\u0000", "\u200d", "\u0333", "\u2800", "\ufeff", "👨\u200d👩"]
discords = ["||", "|||", "<@1>", "<@&1>", "<#1>", "<t:1>", "<:a:1>", "</a:1>", "-# ", ">>> ", "**"]
markup = st.sampled_from([*signs, *others, *blocks, *tables, *odd, *discords])
words = st.integers(0, 9999).map(lambda number: f"w{number}w")
answers = st.one_of(
    anything,
    st.lists(st.one_of(markup, words, st.just(" ")), max_size=200).map("".join),
    st.builds(lambda piece, times: piece * times, st.one_of(anything, markup), st.integers(1, 400)),
)
lines = st.text(ANY, max_size=80)
actions = st.builds(
    Action,
    label=st.text(ANY, min_size=1, max_size=80),
    command=st.one_of(
        words.map(lambda word: f"/{word}"),
        st.builds(lambda one, two: f"/{one} {two}", words, words),
        st.text(ANY, max_size=80).map(lambda text: f"/a{text}"),
    ),
    style=st.sampled_from(["default", "primary", "danger"]),
    input=st.one_of(st.none(), lines),
    choice=st.booleans(),
)
items = st.builds(Item, title=lines, text=lines, actions=st.lists(actions, max_size=3).map(tuple))
views = st.builds(
    View,
    title=st.one_of(lines, st.text(ANY, max_size=600)),
    text=answers,
    fields=st.lists(
        st.builds(FieldRow, name=lines, value=anything, code=st.booleans()), max_size=30
    ).map(tuple),
    items=st.lists(items, max_size=12).map(tuple),
    footer=st.lists(st.one_of(lines, anything), max_size=4).map(tuple),
    actions=st.lists(actions, max_size=8).map(tuple),
    kind=st.sampled_from(["answer", "info", "notice", "error", "approval", "question"]),
    repeated=st.booleans(),
)
