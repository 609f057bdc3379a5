"""The numbers that the pages name are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from descope_async._keys import exchange, renewal
from descope_async._keys import presented_keys as known_keys
from descope_async._keys import refused_keys as restraint
from descope_async._keys.held_token import HeldToken
from descope_async._tokens import claim_rules as sessions
from descope_async._tokens import compact, key_set
from descope_async._tokens import signatures as jws
from descope_async._tokens import signing_keys as jwks
from descope_async._tokens import used_proofs as replays
from descope_async._tokens import validated_tokens as verified_tokens
from descope_async._values.secret import Secret

DOCS = Path(__file__).parents[2] / "docs"
HOUR, WEEK = 3_600, 7 * 86_400

TOKEN_CHECKS = [
    f"{compact.MAX_TOKEN:,} characters",
    f"| {compact._MAX_HEADER:,} characters each |",
    f"less than {jws._RSA_BITS[0]:,} or more than {jws._RSA_BITS[-1]:,} bits",
    f"| {jwks._FRESH_FOR / 60:g} minutes ± {jwks._SPREAD:.0%}".replace("0%", "0 %"),
    f"between {jwks._SHORTEST_FRESH:g} s and {jwks._LONGEST_FRESH / HOUR:g} h |",
    f"| {jwks._STALE_FOR / HOUR:g} hours |",
    f"| {jwks._SEARCHES} at once, then one every {jwks._SEARCH_EVERY:g} s |",
    f"| {jwks._FIRST_PAUSE:g} s, doubling, at most {jwks._LONGEST_PAUSE:g} s;",
    f"| {key_set.MAX_KEY_SET // 1024} KiB, {key_set._MAX_KEYS} keys |",
    f"at most {sessions._MAX_LIFETIME / WEEK:g} weeks",
    f"| {compact.MAX_PROOF:,} characters |",
    f"| {replays.REMEMBERED_FOR} s |",
    f"{replays._CAPACITY:,} proofs in {replays.REMEMBERED_FOR} s",
    f"last {verified_tokens._GENERATION:,} to {2 * verified_tokens._GENERATION:,} tokens",
    ", ".join(sorted(compact.ALGORITHMS, key=lambda alg: (alg[0] != "R", alg))),
]
RAW_KEYS = [
    f"may cause {known_keys._MISSES} exchanges at once, and {1 / known_keys._MISS_EVERY:g} a second",
    f"remembers {known_keys._MOST:,} accepted keys and {known_keys._MOST:,} others",
]
MACHINE_CLIENT = [
    f"callers wait, up to {renewal._PATIENCE:g} s |",
    (
        f"not sent again for {restraint._FIRST_REFUSAL:g} seconds, growing to "
        f"{restraint._LONGEST_REFUSAL:g}"
    ),
]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        *[("explanation/token-checks.md", said) for said in TOKEN_CHECKS],
        *[("how-to/raw-access-keys.md", said) for said in RAW_KEYS],
        *[("how-to/machine-client.md", said) for said in MACHINE_CLIENT],
    ],
)
def test_a_page_names_the_number(page: str, said: str) -> None:
    text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    assert said in text


@pytest.mark.parametrize(
    ("life", "row"),
    [
        (180, "| 3 minutes | {lead:g} s before its end | {wait:g} s before |"),
        (600, "| 10 minutes | {lead:g} s before | {wait:g} s before |"),
        (HOUR, "| 1 hour | {lead_minutes:g} minutes before | {wait:g} s before |"),
        (4 * WEEK, "| 4 weeks | {lead_hours:g} hour before | {wait:g} s before |"),
    ],
)
def test_the_table_of_windows_is_that_of_the_code(life: float, row: str) -> None:
    held = HeldToken.of(exchange.MintedToken(Secret("a.b.c"), 0, life), 0, lambda low, _: low)
    expected = row.format(
        lead=held.lead,
        lead_minutes=held.lead / 60,
        lead_hours=held.lead / HOUR,
        wait=held.expires_at - held.mandatory_at,
    )
    assert expected in (DOCS / "how-to/machine-client.md").read_text(encoding="utf-8")
