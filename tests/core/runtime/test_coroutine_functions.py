from __future__ import annotations

from functools import partial

import pytest

from descope_async._runtime.coroutine_functions import is_coroutine_function


async def function() -> None: ...


def plain() -> None: ...


class Called:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


class CalledPlainly:
    def __call__(self) -> None: ...


AWAITED = [function, partial(function), Called(), Called().method, Called().__call__]
NOT_AWAITED = [plain, partial(plain), CalledPlainly(), Called, lambda: function(), print, None]  # noqa: PLW0108 - no coroutine function itself


@pytest.mark.parametrize("value", AWAITED)
def test_what_gives_coroutines(value: object) -> None:
    assert is_coroutine_function(value)


@pytest.mark.parametrize("value", NOT_AWAITED)
def test_what_does_not(value: object) -> None:
    assert not is_coroutine_function(value)
