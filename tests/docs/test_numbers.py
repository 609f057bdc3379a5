"""The numbers that the pages name are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from descope_async._keys import exchange, presented_keys, refused_keys, renewal
from descope_async._keys.renewal_times import HeldToken
from descope_async._tokens import (
    algorithms,
    claim_rules,
    compact,
    key_set,
    signatures,
    signing_keys,
    used_proofs,
    validated_tokens,
)
from descope_async._values.secret import Secret

DOCS = Path(__file__).parents[2] / "docs"
HOUR, WEEK = 3_600, 7 * 86_400

TOKEN_CHECKS = [
    f"{compact.MAX_TOKEN:,} characters",
    f"| {compact.MAX_HEADER:,} characters each |",
    f"less than {signatures.RSA_BITS[0]:,} or more than {signatures.RSA_BITS[-1]:,} bits",
    f"| {signing_keys.FRESH_FOR / 60:g} minutes ± {signing_keys.SPREAD:.0%}".replace("0%", "0 %"),
    f"between {signing_keys.SHORTEST_FRESH:g} s and {signing_keys.LONGEST_FRESH / HOUR:g} h |",
    f"| {signing_keys.STALE_FOR / HOUR:g} hours |",
    f"| {signing_keys.SEARCHES} at once, then one every {signing_keys.SEARCH_EVERY:g} s |",
    f"| {signing_keys.BACKOFF.first:g} s, doubling, at most {signing_keys.BACKOFF.longest:g} s;",
    f"| {key_set.MAX_KEY_SET // 1024} KiB, {key_set.MAX_KEYS} keys |",
    f"at most {claim_rules.MAX_LIFETIME / WEEK:g} weeks",
    f"| {compact.MAX_PROOF:,} characters |",
    f"| {used_proofs.REMEMBERED_FOR} s |",
    f"{used_proofs.CAPACITY:,} proofs in {used_proofs.REMEMBERED_FOR} s",
    f"last {validated_tokens.GENERATION:,} to {2 * validated_tokens.GENERATION:,} tokens",
    ", ".join(sorted(algorithms.ALGORITHMS, key=lambda alg: (alg[0] != "R", alg))),
]
RAW_KEYS = [
    f"may cause {presented_keys.MISSES} exchanges at once, and {1 / presented_keys.MISS_EVERY:g} a second",
    f"remembers {presented_keys.MOST:,} accepted keys and {presented_keys.MOST:,} others",
]
MACHINE_CLIENT = [
    f"callers wait, up to {renewal.PATIENCE:g} s |",
    (
        f"not sent again for {refused_keys.BACKOFF.first:g} seconds, growing to "
        f"{refused_keys.BACKOFF.longest:g}"
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
