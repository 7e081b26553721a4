"""The models of lifetime value against published figures, against numeric integration and against simulation."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections import Counter
from decimal import Decimal
from math import exp, gamma, inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.analysis.computing import of_buyers
from taproot_customer.analysis.figures import Buyer
from taproot_customer.analysis.kinds import LIFETIME_VALUE, TooFewPurchases
from taproot_customer.analysis.lifetime import BgNbd, GammaGamma, fit_purchases, fit_values
from taproot_customer.analysis.minimising import minimise

# Found for the CDNOW customers: Fader, Hardie, Lee (2005), and Fader and Hardie (2013).
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
VALUES = GammaGamma(p=6.25, q=3.74, gamma=15.44)


def integral(of, low, high, steps=400):
    """By the midpoint rule."""
    width = (high - low) / steps
    return width * sum(of(low + width * (n + 0.5)) for n in range(steps))


def over_customers(of, model, most=6.0):
    """The mean of `of(rate, chance)` over the customers of the model. Substitutions tame both ends of the densities."""

    def at_rate(u):
        rate, chance_sum = most * u**6, 0.0
        density = model.alpha**model.r * rate ** (model.r - 1) * exp(-model.alpha * rate) / gamma(model.r)
        for n in range(80):
            v = (n + 0.5) / 80
            p = v**2 / (v**2 + (1 - v) ** 2)
            slope = 2 * v * (1 - v) / (v**2 + (1 - v) ** 2) ** 2
            beta = gamma(model.a) * gamma(model.b) / gamma(model.a + model.b)
            chance_sum += of(rate, p) * p ** (model.a - 1) * (1 - p) ** (model.b - 1) / beta * slope / 80
        return density * chance_sum * 6 * most * u**5

    return integral(at_rate, 0, 1, 150)


def of_one(x, t_x, t):
    """Likelihood of one customer with a known rate and chance to drop out: equation 3 of the paper."""

    def likelihood(rate, p):
        alive = (1 - p) ** x * rate**x * exp(-rate * t)
        return alive + (p * (1 - p) ** (x - 1) * rate**x * exp(-rate * t_x) if x else 0)

    return likelihood


def simulated(model, customers, seed):
    chance, found = random.Random(seed), Counter()
    for _ in range(customers):
        rate = chance.gammavariate(model.r, 1 / model.alpha)
        p = chance.betavariate(model.a, model.b)
        t, now, x, last = chance.randint(180, 270) / 7, 0.0, 0, 0.0
        while (now := now + chance.expovariate(rate)) <= t:
            x, last = x + 1, now
            if chance.random() < p:
                break
        found[x, last, t] += 1
    return found


class TestPurchases:
    def test_the_published_example(self):
        """Customer 0001 of CDNOW: 1.226 purchases in the next 39 weeks."""
        assert CDNOW.expected((2, 30.43, 38.86), 39) == pytest.approx(1.226, abs=5e-4)

    @pytest.mark.parametrize("history", [(0, 0.0, 30.0), (1, 5.0, 30.0), (3, 20.0, 30.0), (7, 29.0, 30.0)])
    def test_the_likelihood_is_the_mean_over_all_customers(self, history):
        model = BgNbd(r=0.9, alpha=5.0, a=1.4, b=2.5)
        integrated = over_customers(of_one(*history), model)
        assert model.log_likelihood({history: 1}) == pytest.approx(log(integrated), abs=2e-3)

    @pytest.mark.parametrize("history", [(1, 5.0, 30.0), (3, 20.0, 30.0), (7, 29.0, 30.0)])
    def test_so_is_the_probability_to_be_alive(self, history):
        model, (x, _, t) = BgNbd(r=0.9, alpha=5.0, a=1.4, b=2.5), history
        alive = over_customers(lambda rate, p: (1 - p) ** x * rate**x * exp(-rate * t), model)
        assert model.alive(history) == pytest.approx(
            alive / over_customers(of_one(*history), model), abs=2e-3
        )

    def test_so_is_what_to_expect(self):
        """Of a customer alive: (1 - exp(-rate p ahead)) / p purchases ahead."""
        model, (x, t_x, t), ahead = BgNbd(r=0.9, alpha=5.0, a=1.4, b=2.5), (3, 20.0, 30.0), 26.0

        def to_come(rate, p):
            return (1 - p) ** x * rate**x * exp(-rate * t) * (1 - exp(-rate * p * ahead)) / p

        mean = over_customers(to_come, model) / over_customers(of_one(x, t_x, t), model)
        assert model.expected((x, t_x, t), ahead) == pytest.approx(mean, rel=5e-3)

    def test_parameters_that_made_the_data_are_found_again(self):
        model, found = fit_purchases(simulated(CDNOW, 6000, seed=7))
        assert found.converged
        assert model.r == pytest.approx(CDNOW.r, rel=0.15)
        assert model.alpha == pytest.approx(CDNOW.alpha, rel=0.2)
        assert model.a / (model.a + model.b) == pytest.approx(CDNOW.a / (CDNOW.a + CDNOW.b), rel=0.15)

    def test_no_other_parameters_are_likelier(self):
        histories = simulated(CDNOW, 1000, seed=3)
        model, found = fit_purchases(histories)
        best = model.log_likelihood(histories)
        for name in ("r", "alpha", "a", "b"):
            for factor in (0.97, 1.03):
                other = BgNbd(**{**vars(model), name: getattr(model, name) * factor})
                assert other.log_likelihood(histories) <= best
        assert found.value < inf

    @given(
        st.integers(0, 60),
        st.floats(0, 1),
        st.floats(1, 200),
        st.floats(0.1, 300),
        st.floats(0.05, 4),
        st.floats(0.2, 8),
    )
    @settings(max_examples=200)
    def test_expectations_make_sense(self, x, share, t, ahead, a, b):
        model, history = BgNbd(0.5, 6.0, a, b + 1), (x, share * t if x else 0.0, t)
        assert 0 <= model.alive(history) <= 1
        soon, later = model.expected(history, ahead / 2), model.expected(history, ahead)
        assert -1e-9 <= soon <= later + 1e-9
        # never more than a customer who cannot drop out
        assert later <= model.alive(history) * ahead * (0.5 + x) / (6.0 + t) + 1e-9

    def test_extreme_parameters_stay_in_range(self):
        model = BgNbd(400.0, 0.01, 400.0, 0.01)
        assert 0 <= model.expected((60, 100.0, 200.0), 2000) < 1e6
        assert BgNbd(0.01, 4.0, 400.0, 0.01).expected((0, 0.0, 2.0), 500) == pytest.approx(0.0434, abs=1e-3)

    def test_nothing_jumps_where_the_formula_divides_by_zero(self):
        values = [BgNbd(0.5, 6.0, a, 2.0).expected((2, 10.0, 20.0), 30) for a in (0.9999, 1.0, 1.0001)]
        assert values == sorted(values, reverse=True)
        assert values[0] == pytest.approx(values[2], rel=1e-3)


class TestValues:
    def test_the_published_mean(self):
        """P gamma / (q - 1): 35.2 dollars in the population."""
        assert VALUES.expected(0, 0.0) == pytest.approx(35.22, abs=0.01)

    def test_the_likelihood_is_the_mean_over_all_customers(self):
        x, z = 3, 30.0

        def at_scale(nu):
            shape, rate = VALUES.p * x, nu * x
            return (
                rate**shape * z ** (shape - 1) * exp(-rate * z) / gamma(shape)
                * VALUES.gamma**VALUES.q * nu ** (VALUES.q - 1) * exp(-VALUES.gamma * nu) / gamma(VALUES.q)
            )  # fmt: skip

        assert VALUES.log_likelihood({(x, z): 1}) == pytest.approx(
            log(integral(at_scale, 0, 3, 4000)), abs=1e-4
        )

    def test_parameters_that_made_the_data_are_found_again(self):
        chance, found = random.Random(11), Counter()
        for _ in range(4000):
            nu, x = chance.gammavariate(VALUES.q, 1 / VALUES.gamma), chance.randint(1, 8)
            found[x, chance.gammavariate(VALUES.p * x, 1 / (nu * x))] += 1
        model, minimum = fit_values(found)
        assert minimum.converged
        assert model.q == pytest.approx(VALUES.q, rel=0.15)
        assert model.expected(0, 0.0) == pytest.approx(VALUES.expected(0, 0.0), rel=0.05)

    @given(st.integers(1, 50), st.floats(0.01, 1e5))
    def test_expectation_lies_between_a_customers_mean_and_everybodys(self, x, z):
        everybody = VALUES.expected(0, 0.0)
        low, high = sorted((z, everybody))
        assert low - 1e-6 <= VALUES.expected(x, z) <= high + 1e-6


class TestScores:
    DAY = dt.date(2026, 6, 30)

    def buyers(self, seed=5, customers=400):
        chance = random.Random(seed)
        for number, (x, last, t) in enumerate(simulated(CDNOW, customers, seed).elements()):
            first = self.DAY - dt.timedelta(days=round(t * 7))
            amount = sum((Decimal(chance.randint(100, 9000)) / 100 for _ in range(x)), Decimal(0))
            since = first + dt.timedelta(days=max(round(last * 7), 1 if x else 0))
            yield Buyer(uuid.UUID(int=number), first, since, x + 1, amount + 20, x, amount)

    def test_a_lifetime_value_is_what_is_expected_times_its_worth(self):
        found = of_buyers(LIFETIME_VALUE, list(self.buyers()), self.DAY, {"annual_discount_rate": "0"})
        values = {name: float(found.model[name]) for name in ("p", "q", "gamma")}
        money = GammaGamma(**values)
        some = [score for score in found.scores if score.buyer.repeat_days > 1][:20]
        assert some
        for score in some:
            mean = float(score.buyer.repeat_amount / score.buyer.repeat_days)
            worth = float(score.expected_purchases) * money.expected(score.buyer.repeat_days, mean)
            assert float(score.lifetime_value) == pytest.approx(worth, rel=1e-3, abs=0.02)
            assert score.alive_probability + score.churn_probability == 1

    def test_money_later_is_worth_less(self):
        buyers = list(self.buyers())
        now = of_buyers(LIFETIME_VALUE, buyers, self.DAY, {"annual_discount_rate": "0"}).scores
        later = of_buyers(LIFETIME_VALUE, buyers, self.DAY, {"annual_discount_rate": "0.5"}).scores
        pairs = [(a.lifetime_value, b.lifetime_value) for a, b in zip(now, later, strict=True)]
        assert all(one >= other for one, other in pairs)
        assert sum(one for one, _ in pairs) > sum(other for _, other in pairs)

    def test_who_bought_often_and_then_no_more_is_at_risk(self):
        often = Buyer(
            uuid.uuid4(), self.DAY - dt.timedelta(days=260), self.DAY - dt.timedelta(days=150), 12, Decimal(900), 11,
            Decimal(850),
        )  # fmt: skip
        score = of_buyers(LIFETIME_VALUE, [*self.buyers(), often], self.DAY, {}).scores[-1]
        assert (score.buyer, score.group) == (often, "high")

    def test_too_few_purchases_are_said_to_be(self):
        once = [Buyer(uuid.uuid4(), self.DAY, self.DAY, 1, Decimal(5)) for _ in range(50)]
        with pytest.raises(TooFewPurchases):
            of_buyers(LIFETIME_VALUE, once, self.DAY, {})


def test_the_simplex_finds_the_bottom_of_a_curved_valley():
    """Rosenbrock's function."""
    found = minimise(lambda at: (1 - at[0]) ** 2 + 100 * (at[1] - at[0] ** 2) ** 2, (-1.2, 1.0))
    assert found.converged
    assert found.point == pytest.approx((1, 1), abs=1e-3)
