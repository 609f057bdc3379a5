"""Nothing shows a secret unless it is asked, and what is no key is refused."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async import AccessKey, CreatedAccessKey, InvalidArgument, SessionToken
from descope_async._values.secret import Secret
from descope_async.secret_stores._stored_text import credential

CANARY = "K2canarySecretThatMustNotShow"


def test_printing_shows_no_secret() -> None:
    created = CreatedAccessKey(AccessKey(id="a"), "canary")
    session = SessionToken(jwt="canary", key_id="k", project_id="p", expire_time=0)
    secret = Secret("canary")
    assert "canary" not in f"{created}{created!r}{session}{session!r}{secret}{secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


@pytest.mark.parametrize(
    "value",
    ["", "  ", f"{CANARY}\x00", f"{CANARY}\nX", f"{CANARY} x", f"{CANARY}é", CANARY * 1000],
)
def test_a_bad_credential_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^access_key ") as caught:
        credential("access_key", Secret[object](value))
    assert CANARY not in f"{caught.value!r}{caught.value.__context__!r}"


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["x"], object()])
def test_a_credential_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgument, match="must be a string"):
        credential("access_key", Secret(value))


@given(st.text(alphabet=" \t\r\n"), st.text(alphabet=" \t\r\n"))
def test_a_credential_is_stripped(before: str, after: str) -> None:
    checked = credential("access_key", Secret[object](f"{before}{CANARY}{after}"))
    assert checked.reveal() == CANARY


def test_what_is_sent_is_what_was_checked() -> None:
    class Odd(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "something else"

        def strip(self, _: str | None = None) -> str:
            return "something else"

    checked = credential("access_key", Secret[object](Odd(CANARY)))
    assert checked.reveal() == CANARY
    assert type(checked.reveal()) is str


@pytest.mark.parametrize(
    "written",
    [
        "{}\n",
        "{}\r\n",
        "\ufeff{}\n",
        '"{}"',
        "'{}'\n",
        "DESCOPE_ACCESS_KEY={}",
        "export DESCOPE_ACCESS_KEY='{}'\r\n",
        'key = "{}"',
        "\ufeffKEY={}",
    ],
)
def test_a_secret_is_taken_as_people_write_it(written: str) -> None:
    assert credential("it", Secret[object](written.format(CANARY))).reveal() == CANARY


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("xxxx", "placeholder: it consists of x's"),
        ("K2xxxxxxxx", "placeholder: it consists of x's"),
        ("KEY=xxxx", "placeholder: it consists of x's"),
        ("K2...", "placeholder: it consists of dots"),
        ("******", "placeholder: it consists of dots or asterisks"),
        ("__ProjectID__", "placeholder: it stands between double underscores"),
        ("<your key>", "placeholder: it stands in brackets"),
        ("${DESCOPE_KEY}", "placeholder: it is a variable"),
        ("$DESCOPE_KEY", "placeholder: it is a variable"),
        ("{{ .Values.key }}", "placeholder: it is a variable"),
        ("your-access-key", "placeholder: it asks to be replaced"),
        ("changeme", "placeholder: it asks to be replaced"),
        ("None", "placeholder: it means that there is none"),
        (f'"{CANARY}', "quotation mark"),
        (f"\u201c{CANARY}\u201d", "quotation mark"),
        (f"A={CANARY}\nB={CANARY}", "several lines"),
        ("/run/secrets/key", "path of a file"),
        ("./key.txt", "path of a file"),
        ("C:\\keys\\key.txt", "path of a file"),
        ("file:/run/secrets/key", "reference"),
        ("env:DESCOPE_ACCESS_KEY", "reference"),
        ("vault:secret/descope#key", "reference"),
        (f"P2abc:{CANARY}", "colon"),
        (f"Bearer {CANARY}", "holds a space"),
    ],
)
def test_what_is_no_secret_is_refused_with_what_was_found(written: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^access_key ") as caught:
        credential("access_key", Secret[object](written))
    assert said in str(caught.value)
    assert CANARY not in f"{caught.value!r}{caught.value.__context__!r}"


@pytest.mark.parametrize(
    "key", [CANARY, "K2abc+/def==", "K2-only_for.tests", "secret", "Kx", "AK1=="]
)
def test_what_may_be_a_secret_stays_as_it_is(key: str) -> None:
    assert credential("it", Secret[object](key)).reveal() == key
