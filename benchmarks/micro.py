"""What needs no network, by pyperf: ``python -m benchmarks.micro --contender NAME --tokens FILE``.

One process measures one contender, so that the rounds can alternate.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyperf  # type: ignore[import-untyped]

from .answers import ACCESS_KEY, PROJECT
from .floors import Loops, kept_token, new_token

if TYPE_CHECKING:
    from descope_async import SessionToken

_HOUR: Final = timedelta(hours=1)
_THREADS: Final = 16


class Tokens:
    """Session tokens and the key that signed them, made beforehand."""

    def __init__(self, file: Path) -> None:
        document = json.loads(file.read_text())
        self.jwk: dict[str, str] = document["jwk"]
        self.all: list[str] = document["tokens"]
        self.url: str = document["url"]


def floor_new(tokens: Tokens) -> Loops:
    """The signature alone."""
    return new_token.signatures(tokens.jwk, tokens.all)


def floor_new_threads(tokens: Tokens) -> Loops:
    """The signature alone, from sixteen threads at once."""
    return new_token.signatures_from_threads(tokens.jwk, tokens.all, _THREADS)


def floor_read(tokens: Tokens) -> Loops:
    """The signature, and the token decoded and read."""
    return new_token.readings(tokens.jwk, tokens.all)


def floor_seen(tokens: Tokens) -> Loops:
    """A look-up of a token."""
    return kept_token.seen(tokens.all[0])


def floor_source(tokens: Tokens) -> Loops:
    """A look at the clock."""
    return kept_token.fresh(tokens.all[0])


def ours_new(tokens: Tokens) -> Loops:
    """Tokens that the client has not seen."""
    return _new(tokens, lambda session: session.key_id)


def ours_new_read(tokens: Tokens) -> Loops:
    """The same, and what each grants."""
    return _new(tokens, lambda session: (session.roles, session.tenants))


def _new(tokens: Tokens, look: Callable[[SessionToken], object]) -> Loops:
    from descope_async import DescopeClient

    def loops(count: int) -> float:
        taken, left = 0.0, count
        while left > 0:
            client = DescopeClient(PROJECT, public_key=json.dumps(tokens.jwk))
            batch = tokens.all[:left]
            start = time.perf_counter()
            for token in batch:
                session = client.validate_session_nowait(token)
                assert session is not None
                look(session)
            taken += time.perf_counter() - start
            left -= len(batch)
        return taken

    return loops


def ours_new_threads(tokens: Tokens) -> Loops:
    """Tokens that the client has not seen, from sixteen threads at once."""
    from descope_async import DescopeClient

    def loops(count: int) -> float:
        taken, left = 0.0, count
        while left > 0:
            client = DescopeClient(PROJECT, public_key=json.dumps(tokens.jwk))
            batch = tokens.all[:left]
            parts = [batch[start::_THREADS] for start in range(_THREADS)]

            def work(part: list[str], client: DescopeClient = client) -> None:
                for token in part:
                    client.validate_session_nowait(token)

            with ThreadPoolExecutor(_THREADS) as pool:
                start = time.perf_counter()
                for done in [pool.submit(work, part) for part in parts]:
                    done.result()
                taken += time.perf_counter() - start
            left -= len(batch)
        return taken

    return loops


def official(tokens: Tokens) -> Loops:
    """The official SDK, which keeps none of them."""
    from descope import DescopeClient

    client = DescopeClient(PROJECT, public_key=tokens.jwk)

    def loops(count: int) -> float:
        start = time.perf_counter()
        for number in range(count):
            client.validate_session(tokens.all[number % len(tokens.all)])
        return time.perf_counter() - start

    return loops


def ours_seen(tokens: Tokens) -> Loops:
    """A token that the client has seen, awaited."""
    from descope_async import DescopeClient

    client = DescopeClient(PROJECT, public_key=json.dumps(tokens.jwk))
    token = tokens.all[0]

    async def loops(count: int) -> float:
        await client.validate_session(token)
        start = time.perf_counter()
        for _ in range(count):
            await client.validate_session(token)
        return time.perf_counter() - start

    return lambda count: asyncio.run(loops(count))


def ours_seen_sync(tokens: Tokens) -> Loops:
    """A token that the blocking client has seen; no other thread has to do with it."""
    from descope_sync import DescopeClient

    client = DescopeClient(PROJECT, public_key=json.dumps(tokens.jwk))
    token = tokens.all[0]
    client.validate_session(token)

    def loops(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            client.validate_session(token)
        taken = time.perf_counter() - start
        if threading.active_count() > 1:
            raise SystemExit("validate_session left its thread")
        return taken

    return loops


def ours_source(tokens: Tokens) -> Loops:
    """A fresh token, awaited."""
    from descope_async import DescopeClient

    async def loops(count: int) -> float:
        async with DescopeClient(PROJECT, base_url=tokens.url) as client:
            source = client.token_source(ACCESS_KEY)
            await source.token()
            start = time.perf_counter()
            for _ in range(count):
                await source.token()
            return time.perf_counter() - start

    return lambda count: asyncio.run(loops(count))


def ours_source_sync(tokens: Tokens) -> Loops:
    """A fresh token, blocking."""
    from descope_sync import DescopeClient

    source = DescopeClient(PROJECT, base_url=tokens.url).token_source(ACCESS_KEY)
    return _repeating(source.token)


def google_auth(_: Tokens) -> Loops:
    """google-auth puts a fresh token into a request's headers."""
    from google.oauth2.credentials import Credentials

    class Fresh(Credentials):
        def refresh(self, _: object) -> None:
            raise SystemExit("the token was not fresh")

    expiry = datetime.now(UTC).replace(tzinfo=None) + _HOUR
    credentials: Any = Fresh("token", expiry=expiry)  # type: ignore[no-untyped-call]
    headers: dict[str, str] = {}
    return _repeating(lambda: credentials.before_request(None, "GET", "https://a.b/c", headers))


def botocore(_: Tokens) -> Loops:
    """Botocore hands out fresh credentials."""
    from botocore.credentials import RefreshableCredentials  # type: ignore[import-untyped]

    def refresh() -> dict[str, str]:
        raise SystemExit("the credentials were not fresh")

    credentials = RefreshableCredentials(
        "key", "secret", "token", datetime.now(UTC) + _HOUR, refresh, "benchmark"
    )
    return _repeating(credentials.get_frozen_credentials)


CONTENDERS: Final[dict[str, Callable[[Tokens], Loops]]] = {
    "floor_new": floor_new,
    "floor_new_threads": floor_new_threads,
    "floor_read": floor_read,
    "floor_seen": floor_seen,
    "floor_source": floor_source,
    "ours_new": ours_new,
    "ours_new_read": ours_new_read,
    "ours_new_threads": ours_new_threads,
    "official": official,
    "ours_seen": ours_seen,
    "ours_seen_sync": ours_seen_sync,
    "ours_source": ours_source,
    "ours_source_sync": ours_source_sync,
    "google_auth": google_auth,
    "botocore": botocore,
}


def _repeating(call: Callable[[], object]) -> Loops:
    def loops(count: int) -> float:
        call()
        start = time.perf_counter()
        for _ in range(count):
            call()
        return time.perf_counter() - start

    return loops


def _pass_on(command: list[str], options: Namespace) -> None:
    command += ["--contender", options.contender, "--tokens", options.tokens]


def main() -> None:
    """Measure one contender."""
    runner = pyperf.Runner(
        processes=1,
        values=3,
        warmups=1,
        add_cmdline_args=_pass_on,
        program_args=("-m", "benchmarks.micro"),
    )
    runner.argparser.add_argument("--contender", choices=CONTENDERS, required=True)
    runner.argparser.add_argument("--tokens", required=True)
    options = runner.parse_args()
    # The server's one token ages, which is worth a warning outside of a benchmark.
    logging.getLogger("descope_async").setLevel(logging.ERROR)
    loops = CONTENDERS[options.contender](Tokens(Path(options.tokens)))
    runner.bench_time_func(options.contender, loops)


if __name__ == "__main__":
    main()
