"""The official SDK and ours under the same trouble, as the table in docs/how-to/migrate.md.

``python tests/compat/side_by_side.py`` writes the table; a test runs the same and compares. Both
clients are run for real against servers on this machine, each for itself, all at the same time.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import descope
from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt

from descope_sync import compat

PAGE: Final = Path(__file__).parents[2] / "docs/how-to/migrate.md"
BEGIN, END = "<!-- side by side: begin -->", "<!-- side by side: end -->"
PROJECT: Final = "P2aAc4T2V93bddihGEx2Ryhc8e5Z"
SECRET: Final = "Kc4naryC4naryC4nary"
FORGED_BY, SIGNED_BY = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def number(value: int) -> str:
    return (
        base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).decode().rstrip("=")
    )


def jwk() -> dict[str, str]:
    """The public half of the project's key."""
    numbers = SIGNED_BY.public_key().public_numbers()
    fixed = {"kty": "RSA", "kid": "SK1", "alg": "RS256", "use": "sig"}
    return {**fixed, "n": number(numbers.n), "e": number(numbers.e)}


def token(signer: rsa.RSAPrivateKey = SIGNED_BY, kid: str = "SK1", **changed: Any) -> str:
    """A session token; a claim of None is left out."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": PROJECT, "sub": "K1", "drn": "DS", "iat": now, "exp": now + 600, **changed}
    pem = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, pem, "RS256", {"kid": kid})


def encrypted() -> str:
    """What looks like an encrypted session token (JWE)."""
    head = json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM"}).encode()
    parts = (head, bytes(256), bytes(12), bytes(100), bytes(16))
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)


@frozen
class Answer:
    """What a server says. A status of 0 hangs up without a word."""

    status: int
    body: str = "{}"
    headers: dict[str, str] = field(factory=dict[str, str])


@define
class Service:
    """A Descope in trouble."""

    base_url: str
    asked: Counter[str] = field(factory=Counter[str])


@contextmanager
def service(answer: Answer) -> Iterator[Service]:
    """Give one answer to every call but those for the license and the signing keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = answer
            if self.path == "/v1/mgmt/license":
                given = Answer(200, '{"rateLimitTier": "tier1"}')
            elif self.path.startswith("/v2/keys/"):
                found.asked["signing keys"] += 1
                given = Answer(200, json.dumps({"keys": [jwk()]}))
            else:
                found.asked["call"] += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not given.status:
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body.encode())

        do_POST = do_GET  # noqa: N815 - as the server asks for it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Service(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield found
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


Call = Callable[[Any], Any]
JSON_429: Final = '{"errorCode": "E130429", "errorMessage": "slow down"}'
JSON_503: Final = '{"errorCode": "E1", "errorDescription": "not now"}'


@frozen
class Trouble:
    """A row of the table.

    Attributes:
        title: What happens.
        call: What is called.
        answer: What the service answers; None where nobody listens.
        counted: Which requests are counted.
    """

    title: str
    call: Call
    answer: Answer | None = Answer(200)
    counted: str = "call"


def create(client: Any) -> Any:
    return client.mgmt.access_key.create("n")


def rotate(client: Any) -> Any:
    return client.mgmt.access_key.rotate("K1")


def load(client: Any) -> Any:
    return client.mgmt.access_key.load("K1")


def validate(**arguments: Any) -> Call:
    given = token(**arguments)
    return lambda client: client.validate_session(given)


def strangers(client: Any) -> None:
    for index in range(20):
        stranger = token(FORGED_BY, kid=f"SK{index + 2}")
        try:
            client.validate_session(stranger)
        except Exception as error:  # noqa: BLE001 - the last one is shown
            last = error
    raise last


def padded(client: Any) -> Any:
    return client.exchange_access_key(f"{SECRET}\n")


def rate_limited(body: str, **headers: str) -> Answer:
    return Answer(429, body, {name.replace("_", "-"): value for name, value in headers.items()})


TROUBLES: Final = [
    Trouble("429 on `create`, `Retry-After: 90`", create, rate_limited(JSON_429, Retry_After="90")),
    Trouble(
        "429 from a gateway, an HTML page, `Retry-After: 90`",
        create,
        rate_limited("<html>", Retry_After="90"),
    ),
    Trouble("503 on `create`", create, Answer(503, JSON_503)),
    Trouble("503 on `rotate`", rotate, Answer(503, JSON_503)),
    Trouble("503 on `load`", load, Answer(503, JSON_503)),
    Trouble("502 on `load`", load, Answer(502, "<html>")),
    Trouble("nobody listens, `create`", create, None),
    Trouble("nobody listens, a token is to be checked", validate(), None),
    Trouble("`create` is read, then the connection breaks", create, Answer(0)),
    Trouble("`load` is read, then the connection breaks", load, Answer(0)),
    Trouble("an answer that is no JSON, `load`", load, Answer(200, "<html>")),
    Trouble("a token signed by somebody else", validate(signer=FORGED_BY), counted="signing keys"),
    Trouble(
        "a token of another project, signed with a known key",
        validate(iss="https://evil.example/POther"),
        counted="signing keys",
    ),
    Trouble("a token without `exp`", validate(exp=None), counted="signing keys"),
    Trouble("an expired token", validate(exp=1_700_000_000), counted="signing keys"),
    Trouble("a refresh token", validate(drn="DSR"), counted="signing keys"),
    Trouble("a token for another audience", validate(aud="somebody"), counted="signing keys"),
    Trouble(
        "an encrypted token",
        lambda client: client.validate_session(encrypted()),
        counted="signing keys",
    ),
    Trouble(
        "an exchange that brings an encrypted token",
        lambda client: client.exchange_access_key(SECRET),
        Answer(
            200, json.dumps({"sessionJwt": encrypted(), "keyId": "K1", "expiration": 4_102_444_800})
        ),
    ),
    Trouble(
        "an exchange that brings a token signed by somebody else",
        lambda client: client.exchange_access_key(SECRET),
        Answer(200, json.dumps({"sessionJwt": token(FORGED_BY)})),
    ),
    Trouble("20 tokens with made-up `kid`", strangers, counted="signing keys"),
    Trouble(
        "an access key with a line end, as read from a file",
        padded,
        Answer(200, json.dumps({"sessionJwt": token()})),
    ),
]


def outcome(client_class: Any, trouble: Trouble) -> str:
    """What a client makes of it: how often it asks, and what comes of it."""
    if trouble.answer is None:
        return _outcome(client_class, trouble, Service("http://127.0.0.1:1"))
    with service(trouble.answer) as found:
        return _outcome(client_class, trouble, found)


def _outcome(client_class: Any, trouble: Trouble, found: Service) -> str:
    client = client_class(PROJECT, management_key="Kmanagement", base_url=found.base_url)
    try:
        trouble.call(client)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        result = _shown(error)
    else:
        result = "let in" if trouble.counted == "signing keys" else "succeeds"
    if trouble.answer is None:
        return result
    times = found.asked[trouble.counted]
    noun, plural = {"call": ("request", "requests"), "signing keys": ("key fetch", "key fetches")}[
        trouble.counted
    ]
    return f"{times} {noun if times == 1 else plural}; {result}"


def _shown(error: Any) -> str:
    kind = type(error)
    name = kind.__name__
    if kind.__module__.split(".")[0] not in {"descope", "descope_async"}:
        name = f"{kind.__module__.split('.')[0]}.{name}"
    parts = [f"`{name}`"]
    if hasattr(error, "status_code"):
        status = error.status_code
        parts.append(f"`status_code={int(status) if isinstance(status, int) else repr(status)}`")
    if hasattr(error, "rate_limit_parameters"):
        parts.append(f"`{error.rate_limit_parameters}`")
    if not isinstance(error, descope.AuthException | compat.AuthException):
        parts.append("not an `AuthException`")
    if SECRET in str(error):
        parts.append("**its message holds the access key**")
    return ", ".join(parts)


def table() -> str:
    """The table, in Markdown."""
    clients = (descope.DescopeClient, compat.DescopeClient)
    with ThreadPoolExecutor(2 * len(TROUBLES)) as pool:
        pending = [[pool.submit(outcome, each, row) for each in clients] for row in TROUBLES]
        rows = [
            [row.title, *(future.result() for future in cells)]
            for row, cells in zip(TROUBLES, pending, strict=True)
        ]
    head = [["what happens", "official SDK", "here, through `compat`"], ["---"] * 3]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [*head, *rows])


def page_with(text: str) -> str:
    """The page with a table in its place."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(table()))
