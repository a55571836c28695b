"""What hypothesis makes up: namespaces."""

import string

from hypothesis import strategies as st

from palaver.identity import MAX_USER_LENGTH, Namespace

FRONTENDS = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=32)
USERS = st.text(
    st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=MAX_USER_LENGTH
).filter(str.isprintable)
NAMESPACES = st.builds(Namespace, FRONTENDS, USERS)
