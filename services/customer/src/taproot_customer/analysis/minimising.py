"""The downhill simplex of Nelder and Mead (The Computer Journal, 1965). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Point = tuple[float, ...]


@dataclass(frozen=True)
class Minimum:
    point: Point
    value: float
    converged: bool


class _Simplex:
    def __init__(self, of: Callable[[Point], float], start: Sequence[float], step: float) -> None:
        self._of = of
        corners = [tuple(start)]
        corners += [tuple(x + step * (i == axis) for i, x in enumerate(start)) for axis in range(len(start))]
        self.corners = sorted((of(corner), corner) for corner in corners)

    def spread(self) -> float:
        return self.corners[-1][0] - self.corners[0][0]

    def width(self) -> float:
        best = self.corners[0][1]
        return max(abs(x - y) for _, corner in self.corners for x, y in zip(corner, best, strict=True))

    def move(self) -> None:
        reflected = self._along(-1.0)
        if reflected[0] < self.corners[0][0]:
            self._take(min(reflected, self._along(-2.0)))
        elif reflected[0] < self.corners[-2][0]:
            self._take(reflected)
        else:
            outside = reflected[0] < self.corners[-1][0]
            contracted = self._along(-0.5 if outside else 0.5)
            if contracted[0] < min(reflected[0], self.corners[-1][0]):
                self._take(contracted)
            else:
                self._shrink()

    def _along(self, factor: float) -> tuple[float, Point]:
        """A point on the line from the middle of the others to the worst."""
        others = [corner for _, corner in self.corners[:-1]]
        middle = [sum(axis) / len(others) for axis in zip(*others, strict=True)]
        point = tuple(m + factor * (w - m) for m, w in zip(middle, self.corners[-1][1], strict=True))
        return self._of(point), point

    def _take(self, corner: tuple[float, Point]) -> None:
        self.corners = sorted([*self.corners[:-1], corner])

    def _shrink(self) -> None:
        best = self.corners[0][1]
        points = [tuple((x + y) / 2 for x, y in zip(c, best, strict=True)) for _, c in self.corners[1:]]
        self.corners = sorted([self.corners[0], *((self._of(point), point) for point in points)])


def minimise(
    of: Callable[[Point], float], start: Sequence[float], *, step: float = 0.5, most: int = 1000
) -> Minimum:
    """`of` may answer infinity outside its domain. The last place is tried once more with a new simplex."""
    done, best = 0, _Simplex(of, start, step)
    for _ in range(2):
        while done < most and (best.spread() > 1e-9 * (1 + abs(best.corners[0][0])) or best.width() > 1e-5):
            best.move()
            done += 1
        best = _Simplex(of, best.corners[0][1], step / 5) if done < most else best
    value, point = best.corners[0]
    return Minimum(point, value, done < most)
