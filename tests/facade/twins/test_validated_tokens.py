"""Validation of tokens that were seen before: the tests of the core, through the blocking classes."""

from __future__ import annotations

from tests.facade.blocking import twins_of

#: By name, the kind of each test that has no blocking twin.
WITHOUT_TWIN: dict[str, str] = {}

globals().update(twins_of("tokens/test_validated_tokens.py", without=WITHOUT_TWIN))
