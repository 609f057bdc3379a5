"""JSON that nobody thought of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def texts_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """These values as JSON, narrow or wide, with escapes or without."""
    return st.builds(
        json.dumps, values, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 1])
    )
