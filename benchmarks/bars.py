"""What was measured, and whether it meets its bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import median
from typing import Final, Literal

from attrs import evolve, frozen

from .rounds import Taken

Verdict = Literal["met", "unclear", "missed"]
Unit = Literal["seconds", "bytes"]

_CONFIDENCE: Final = 0.95


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the true median lies, at 95 %, whatever the distribution: by order statistics.

    With fewer than six values no interval is that sure: then it is from the least to the largest.
    """
    ordered, count = sorted(values), len(values)
    outside, left_out = 0.0, 0
    while left_out < (count - 1) // 2:
        outside += 2 * comb(count, left_out) / 2**count
        if outside > 1 - _CONFIDENCE:
            break
        left_out += 1
    cut = max(0, left_out - 1)
    return ordered[cut], ordered[count - 1 - cut]


@frozen
class Bar:
    """A value of each round, and the limit for them.

    Attributes:
        text: The bar in words.
        values: One per round.
        limit: The limit.
        at_least: Whether it is a lower limit.
    """

    text: str
    values: tuple[float, ...]
    limit: float
    at_least: bool = False

    @property
    def verdict(self) -> Verdict:
        """Missed only when the whole interval of the median is beyond the limit."""
        if self._meets(median(self.values)):
            return "met"
        low, high = interval(self.values)
        return "unclear" if self._meets(high if self.at_least else low) else "missed"

    def _meets(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@frozen
class Line:
    """One line of the table.

    Attributes:
        title: What was measured.
        samples: One value per round of ``"ours"`` and, where there are any, ``"peer"`` and
            ``"floor"``.
        against: Who the peer and the floor are.
        bars: The bars; none where a value is only reported.
        unit: What the samples are.
        calls: What the calls took beside the samples' means; None where there are no calls, or
            too few.
    """

    title: str
    samples: Mapping[str, Sequence[float]]
    against: Mapping[str, str]
    bars: tuple[Bar, ...] = ()
    unit: Unit = "seconds"
    calls: Taken | None = None

    def ratios(self, over: str, under: str) -> tuple[float, ...]:
        """The ratio of two contenders in each round: they ran side by side, so noise hit both."""
        pairs = zip(self.samples[over], self.samples[under], strict=True)
        return tuple(a / b for a, b in pairs)


def line(
    title: str,
    samples: Mapping[str, Sequence[float]] | Taken,
    *,
    peer: str = "",
    floor: str = "",
    times_floor: float | None = None,
    times_peer: float | None = None,
    times_ahead: float | None = None,
    at_most: tuple[float, str] | None = None,
    unit: Unit = "seconds",
) -> Line:
    """A line with the usual bars.

    Args:
        title: What was measured.
        samples: As in `Line`, or what calls took.
        peer: Who the peer is.
        floor: Who the floor is.
        times_floor: Ours may take so many times the floor.
        times_peer: Ours may take so many times the peer.
        times_ahead: The peer must take so many times ours.
        at_most: Ours may take so much, in words.
        unit: What the samples are.
    """
    calls = samples if isinstance(samples, Taken) else None
    values = samples.seconds if isinstance(samples, Taken) else samples
    names = {"peer": peer, "floor": floor}
    against = {who: name for who, name in names.items() if name}
    made = Line(title, values, against, unit=unit, calls=calls)
    bars: list[Bar] = []
    if times_floor is not None:
        ratios = made.ratios("ours", "floor")
        bars.append(Bar(f"≤ {times_floor:g} x floor", ratios, times_floor))
    if times_peer is not None:
        ratios = made.ratios("ours", "peer")
        bars.append(Bar(f"≤ {times_peer:g} x peer", ratios, times_peer))
    if times_ahead is not None:
        ratios = made.ratios("peer", "ours")
        bars.append(Bar(f"{times_ahead:g} x ahead of peer", ratios, times_ahead, at_least=True))
    if at_most is not None:
        bars.append(Bar(f"≤ {at_most[1]}", tuple(values["ours"]), at_most[0]))
    return evolve(made, bars=tuple(bars))
