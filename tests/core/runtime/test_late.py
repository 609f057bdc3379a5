from __future__ import annotations

from threading import Barrier, Thread

import pytest

from descope_async._runtime.late import late


class Holder:
    def __init__(self) -> None:
        self.made = 0
        self.ready = True
        self.meeting: Barrier | None = None

    @late
    def value(self) -> object:
        """What is made late."""
        if not self.ready:
            raise LookupError("not yet")
        self.made += 1
        if self.meeting is not None:
            self.meeting.wait(20)
        return object()


def test_a_value_is_made_once_when_it_is_asked_for() -> None:
    holder = Holder()
    assert holder.made == 0
    assert holder.value is holder.value
    assert (holder.made, Holder().made) == (1, 0)
    assert Holder.value.__doc__ == "What is made late."


def test_what_cannot_be_made_yet_is_made_later() -> None:
    holder = Holder()
    holder.ready = False
    for _ in range(2):
        with pytest.raises(LookupError):
            _ = holder.value
    holder.ready = True
    assert holder.value is holder.value


def test_threads_that_ask_at_once_get_the_same() -> None:
    holder, found = Holder(), list[object]()
    holder.meeting = Barrier(2)
    threads = [Thread(target=lambda: found.append(holder.value)) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert holder.made == 2, "there is no lock"
    assert found[0] is found[1] is holder.value
