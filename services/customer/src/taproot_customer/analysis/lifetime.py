"""How much a customer will still buy: BG/NBD and Gamma-Gamma. Pure.

Sources: Fader, Hardie, Lee, "Counting your customers the easy way" (Marketing Science 24, 2005) for the number of
purchases; Fader, Hardie, Lee, "RFM and CLV" (Journal of Marketing Research 42, 2005) and Fader, Hardie, "The
Gamma-Gamma model of monetary value" (2013) for their value. Their symbols are kept: `x` repeat purchases, the last at
`t_x`, seen over `T`, all since the first purchase, here in weeks; `z` the mean value of the `x` purchases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import exp, inf, lgamma, log, log1p

from taproot_customer.analysis.minimising import Minimum, minimise

History = tuple[int, float, float]
"""x, t_x, T."""
_TINY, _HUGE = 1e-9, 1e250
# Of the logarithms of parameters in the units of the data: beyond, one parameter does the work of two.
_FARTHEST = 6.0


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@dataclass(frozen=True)
class BgNbd:
    """Purchases come at a rate that is gamma distributed (`r`, `alpha`); after each the customer drops out with a
    probability that is beta distributed (`a`, `b`).
    """

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, histories: Mapping[History, int]) -> float:
        """Equation 6. `histories`: how many customers have each."""
        whole = cache(self._counted)
        return sum(n * self._one(history, whole(history[0])) for history, n in histories.items())

    def _counted(self, x: int) -> tuple[float, float]:
        """What depends on `x` alone: the common factor, and the weight of having dropped out at `t_x`."""
        common = lgamma(self.r + x) - lgamma(self.r) + self.r * log(self.alpha)
        common += _beta(self.a, self.b + x) - _beta(self.a, self.b)
        return common, log(self.a) - log(self.b + x - 1) if x else -inf

    def _one(self, history: History, counted: tuple[float, float]) -> float:
        x, t_x, t = history
        common, dropped = counted
        alive = -(self.r + x) * log(self.alpha + t)
        if not x:
            return common + alive
        gone = dropped - (self.r + x) * log(self.alpha + t_x)
        high, low = max(alive, gone), min(alive, gone)
        return common + high + log1p(exp(low - high))

    def alive(self, history: History) -> float:
        """Probability that the customer has not dropped out. By the model 1 before the first repeat purchase."""
        x, t_x, t = history
        if not x:
            return 1.0
        odds = log(self.a / (self.b + x - 1)) + (self.r + x) * log((self.alpha + t) / (self.alpha + t_x))
        return 1 / (1 + exp(min(odds, 700)))

    def expected(self, history: History, ahead: float) -> float:
        """Purchases in the next `ahead` weeks: equation 10, with the hypergeometric function by Euler's
        transformation, in which its series has small terms and the division by `a - 1` no cancellation.
        """
        x, _, t = history
        a = self.a if abs(self.a - 1) > 1e-5 else 1 + 1e-5
        total = a + self.b + x - 1
        z = ahead / (self.alpha + t + ahead)
        left = _transformed(total - self.r - x, a - 1, total, z)
        return total / (a - 1) * (1 - left) * self.alive(history)


def _transformed(a: float, b: float, c: float, z: float) -> float:
    """(1 - z)^b 2F1(a, b; c; z) for 0 <= z < 1 by Gauss's series. Either factor alone may be out of range."""
    scale, term, total = b * log1p(-z), 1.0, 1.0
    for n in range(100_000):
        term *= (a + n) * (b + n) / ((c + n) * (1 + n)) * z
        total += term
        if abs(term) < 1e-13 * abs(total):
            break
        if total > _HUGE:
            scale, term, total = scale + log(_HUGE), term / _HUGE, total / _HUGE
    return exp(scale + log(total))


@dataclass(frozen=True)
class GammaGamma:
    """The value of a purchase is gamma distributed (`p`, rate), its rate again (`q`, `gamma`)."""

    p: float
    q: float
    gamma: float

    def log_likelihood(self, values: Mapping[tuple[int, float], int]) -> float:
        """Equation 1a of 2013. `values`: how many customers have each (x, z), both above 0."""
        return sum(n * self._one(*value) for value, n in values.items())

    def _one(self, x: int, z: float) -> float:
        px = self.p * x
        shape = lgamma(px + self.q) - lgamma(px) - lgamma(self.q)
        return (
            shape
            + self.q * log(self.gamma)
            + (px - 1) * log(z)
            + px * log(x)
            - (px + self.q) * log(self.gamma + x * z)
        )

    def expected(self, x: int, z: float) -> float:
        """The mean value of a customer's purchases: between its own mean so far and everybody's."""
        if self.p * x + self.q <= 1 + _TINY:
            return z
        return (self.gamma + x * z) * self.p / (self.p * x + self.q - 1)


def fit_purchases(histories: Counter[History]) -> tuple[BgNbd, Minimum]:
    """By greatest likelihood. The scale of time is the data's own, so that the search begins near."""
    scale = sum(t * n for (_, _, t), n in histories.items()) / histories.total() or 1.0
    scaled = {(x, t_x / scale, t / scale): n for (x, t_x, t), n in histories.items()}
    found = minimise(lambda at: _cost(at, lambda *p: -BgNbd(*p).log_likelihood(scaled)), (0.0, 0.0, 0.0, 0.5))
    r, alpha, a, b = map(exp, found.point)
    return BgNbd(r, alpha * scale, a, b), _settled(found)


def fit_values(values: Counter[tuple[int, float]]) -> tuple[GammaGamma, Minimum]:
    """By greatest likelihood, in units of the mean value."""
    scale = sum(z * n for (_, z), n in values.items()) / values.total()
    scaled = {(x, z / scale): n for (x, z), n in values.items()}
    found = minimise(lambda at: _cost(at, lambda *p: -GammaGamma(*p).log_likelihood(scaled)), (1.0, 1.0, 1.0))
    p, q, gamma = map(exp, found.point)
    return GammaGamma(p, q, gamma * scale), _settled(found)


def _settled(found: Minimum) -> Minimum:
    """A parameter at the end of its range shows that the data do not decide it."""
    inside = all(abs(coordinate) < _FARTHEST - 0.01 for coordinate in found.point)
    return replace(found, converged=found.converged and inside)


def _cost(at: tuple[float, ...], of: Callable[..., float]) -> float:
    """Parameters are searched by their logarithms: above 0, and within what floating point tells apart."""
    if any(abs(coordinate) > _FARTHEST for coordinate in at):
        return inf
    return of(*map(exp, at))
