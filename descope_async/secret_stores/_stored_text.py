"""The text of a secret as people and tools store it: what is taken off it, and what is refused."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection
from typing import Any, Final, cast

from descope_async._values.secret import Secret
from descope_async.errors import InvalidArgument

#: A line of an environment file. What follows the sign is the value; a base64 text ends with signs.
_ASSIGNMENT: Final = re.compile(
    r"(?:export\s++)?(?P<name>[A-Za-z_][A-Za-z0-9_]*+)\s*+=\s*+(?P<value>[^=].*+)", re.DOTALL
)
#: The same with nothing behind the sign. Of other names that could be a base64 text.
_EMPTY: Final = re.compile(
    r"(?:export\s++)?(?P<name>DESCOPE_[A-Z_]+)\s*+=(?P<value>)", re.IGNORECASE
)
#: The variables of a client, and the files that stand for them. None of them holds an access key.
_SETTINGS: Final = re.compile(
    "DESCOPE_(?:PROJECT_ID|BASE_UR[IL]|PUBLIC_KEY|(?:AUTH_)?MANAGEMENT_KEY)(?:_FILE)?",
    re.IGNORECASE,
)
#: Characters of a key: more than Descope issues, and few enough for every server's header limit.
_LONGEST: Final = 4096
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_QUOTES: Final = "\"'"
_PLACEHOLDERS: Final = (
    (re.compile(r"(?:[PK]2?)?[xX]{3,}(?:[-_.][xX]+)*"), "consists of x's"),
    (re.compile(r"(?:[PK]2?)?(?:\*{3,}|\.{3,}|\u2026|#{3,})"), "consists of dots or asterisks"),
    (re.compile(r"__[A-Za-z0-9]++(?:_[A-Za-z0-9]++)*+__"), "stands between double underscores"),
    (re.compile(r"<.*>|\[.*\]"), "stands in brackets"),
    (re.compile(r"\$\w+|\$?\{(?!\s*\").*\}|\$\(.*\)|%\w+%"), "is a variable that nobody has filled in"),
    (re.compile(r"(?i)(?:your|insert|replace|change|enter)[-_ ]?(?:me|[-_ ].*)"), "asks to be replaced"),
    (re.compile(r"(?i)none|null|nil|undefined|todo|tbd|placeholder|redacted"), "means that there is none"),
)  # fmt: skip
#: What no secret of a key is or has, and the end of a sentence that says so.
_PROBLEMS: Final = (
    (re.compile(r""), "is empty"),
    (
        re.compile(r"[^\r\n]*[\r\n].*", re.DOTALL),
        "holds several lines; of a file of lines NAME=value, name one: dotenv:FILE#NAME",
    ),
    (
        re.compile(
            "[^\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb]*[\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb].*"
        ),
        "holds a quotation mark; only a pair of quotes around all of it is taken off",
    ),
    (
        re.compile(r"(?:~?/|\.{1,2}/|[A-Za-z]:[\\/]).*"),
        "looks like the path of a file; to read the file, pass a pathlib.Path",
    ),
    (
        re.compile(r"P(?:[A-Za-z0-9]{27}|[A-Za-z0-9]{31})"),
        "looks like the id of a project; keys begin with K",
    ),
    (
        re.compile(r"[a-z][a-z0-9+-]*:\S*"),
        "looks like a reference; to read what is there, pass SecretReference.parse(…)",
    ),
    (
        re.compile(r"[^:]*:.*"),
        "holds a colon, and no key has one; of PROJECT-ID:KEY, pass the key alone",
    ),
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(data: bytes) -> str:
    """The text of a file, in UTF-8, or in UTF-16 as PowerShell writes it.

    Raises:
        ValueError: It is in neither.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding)
    return data.decode()


def secret_in(text: str) -> str:
    """The secret in the text of a file: the text itself, or ``cleartext`` of a JSON object.

    Raises:
        ValueError: It is a JSON object without one.
    """
    if not text.lstrip().startswith("{"):
        return text
    found: Any = json.loads(text)
    if not isinstance(found.get("cleartext"), str):
        raise ValueError("no cleartext")  # noqa: TRY004 - as for text that is no JSON
    return str(found["cleartext"])


def cleaned(text: str) -> str:
    """A secret without what surely is no part of it.

    That is a byte order mark, white space and line ends around it, a pair of quotes around it, and
    ``NAME=`` before it.
    """
    return _assigned(text)[1]


def other_setting(text: str, variables: Collection[str] = ()) -> str | None:
    """What shows that a text is a line ``NAME=value`` about another setting; None for nothing.

    Args:
        text: The text as it was given.
        variables: The names of the setting's own variables; none for an access key, whose variable may
            have any name that no setting of a client has.

    Returns:
        As `problem` does.
    """
    name = _assigned(text)[0]
    is_known = _SETTINGS.fullmatch(name) is not None
    is_descopes = name.upper().startswith("DESCOPE_")
    if name.upper() in variables or not (is_known or (variables and is_descopes)):
        return None
    return f"holds {name}=…, which is another setting; give it its own value"


def placeholder(text: str) -> str | None:
    """What shows that a cleaned text only stands for another one; None for nothing.

    Returns:
        As `problem` does.
    """
    for pattern, what in _PLACEHOLDERS:
        if pattern.fullmatch(text):
            return f"is a placeholder: it {what}"
    return None


def problem(given: object, variables: Collection[str] = ()) -> str | None:
    """What shows that something is not the secret of a key, even when it is cleaned; None for nothing.

    Args:
        given: What was given.
        variables: As for `other_setting`.

    Returns:
        The end of a sentence that begins with the name of the setting. It shows no part of the text.
    """
    if not isinstance(given, str):
        return f"must be a string, not {type(given).__name__}"
    if what := other_setting(given, variables):
        return what
    text = cleaned(given)
    if len(text) > _LONGEST:
        return f"is {len(text)} characters long; no key is longer than {_LONGEST}"
    found = (what for pattern, what in _PROBLEMS if pattern.fullmatch(text))
    if what := placeholder(text) or next(found, None):
        return what
    if not _PRINTABLE.fullmatch(text):
        return (
            "holds a space, a control character or a character outside ASCII; "
            "was it copied with something around it?"
        )
    return None


def credential(what: str, given: Secret[object], variables: Collection[str] = ()) -> Secret[str]:
    """A key to send in a header, without what editors, shells and files leave around it.

    Args:
        what: How an error begins: the name of a parameter, or where the key was read.
        given: What a caller passed, or what was read.
        variables: The environment variables of the setting; none for an access key.

    Raises:
        InvalidArgument: It cannot be a key. The message shows no part of it.
    """
    # Returns the problem instead of raising it, so that no traceback has a frame that holds the
    # key.
    wrong = problem(given.reveal(), variables)
    if wrong:
        raise InvalidArgument(f"{what} {wrong}")
    return Secret(cleaned(cast("str", given.reveal())))


def _assigned(text: str) -> tuple[str, str]:
    """The name in a line ``NAME=value``, and the value; an empty name where there is no name."""
    text = _unquoted(str.strip(text).removeprefix("\ufeff").strip())
    assignment = _ASSIGNMENT.fullmatch(text) or _EMPTY.fullmatch(text)
    if assignment is None:
        return "", text
    return assignment["name"], _unquoted(assignment["value"].strip())


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1].strip() if is_quoted else text
