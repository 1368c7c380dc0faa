"""The numbers of clmm (R's ordinal 2022.11-16, nAGQ = 1), from print and from R."""

import numpy as np
import pytest

from analysis.models import Term, fit, likelihood_ratio, profile_interval


def near(values, wanted, absolute=0.0, relative=0.0):
    np.testing.assert_allclose(np.asarray(values, float), wanted, rtol=relative, atol=absolute)


def estimates(fitted):
    """Thresholds, then effects, as clmm prints them; estimates and standard errors."""
    columns = [np.append(fitted.thresholds[name], fitted.fixed[name]) for name in ("estimate", "se")]
    return columns[0], columns[1]


def sds(fitted, group):
    chosen = (fitted.random.quantity == "sd") & (fitted.random.group == group)
    return fitted.random[chosen].value.to_numpy()


WINE = {
    "logit": (
        [-1.623667, 1.513365, 4.228527, 6.088773, 3.062997, 1.834885],
        [0.682441, 0.603753, 0.808966, 0.972454, 0.595376, 0.512529],
        1.131133,
        -81.565409,
        [1.696178, -0.565783, 0.968808, -0.059550, 0.230510, 0.477039, -1.910973, -0.272944, -0.554676],
    ),
    "probit": (
        [-0.926480, 0.889438, 2.467593, 3.536662, 1.800014, 1.048206],
        [0.388151, 0.348476, 0.446872, 0.525616, 0.326940, 0.285545],
        0.663153,
        -80.930607,
        [0.959693, -0.388227, 0.625977, -0.015116, 0.175020, 0.242628, -1.102086, -0.154013, -0.342449],
    ),
}  # fmt: skip


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_wine_beside_clmm(wine, link):
    fitted = fit(wine, "rating", ["warm", "contact"], [Term("judge", ["1"])], family="ordinal", link=link)
    coefficients, errors, sd, loglik, modes = WINE[link]
    near(estimates(fitted)[0], coefficients, absolute=2e-4)
    near(estimates(fitted)[1], errors, relative=1e-3)
    assert fitted.loglik == pytest.approx(loglik, abs=1e-4)
    assert fitted.sd("judge", "1") == pytest.approx(sd, abs=2e-4)
    near(fitted.effects_of("judge")["1"], modes, absolute=5e-4)
    assert list(fitted.thresholds.threshold) == ["1|2", "2|3", "3|4", "4|5"]
    assert list(fitted.fixed.effect) == ["warm", "contact"]


def test_wine_as_printed_in_christensens_tutorial(wine):
    """A tutorial on fitting cumulative link mixed models with clmm2, in the R package ordinal, section 2."""
    fitted = fit(wine, "rating", ["warm", "contact"], [Term("judge", ["1"])], family="ordinal")
    near(estimates(fitted)[0], [-1.623664, 1.513364, 4.228525, 6.088770, 3.062993, 1.834883], absolute=2e-5)
    assert fitted.sd("judge", "1") == pytest.approx(1.13113, abs=2e-5)
    assert fitted.loglik == pytest.approx(-81.56541, abs=1e-5)


def test_a_second_factor_without_variance_changes_nothing(wine):
    terms = [Term("judge", ["1"]), Term("bottle", ["1"])]
    fitted = fit(wine, "rating", ["warm", "contact"], terms, family="ordinal")
    near(estimates(fitted)[0], WINE["logit"][0], absolute=2e-4)
    assert fitted.sd("bottle", "1") == 0
    assert fitted.state.boundary == ("the variance of '1' over bottle is estimated at 0",)


def test_a_correlation_at_its_limit(wine):
    data = wine.assign(both=wine.warm * wine.contact)
    fitted = fit(
        data, "rating", ["warm", "contact", "both"], [Term("judge", ["1", "warm"])], family="ordinal"
    )
    near(fitted.fixed.estimate, [2.9353175, 1.7004184, 0.2579719], absolute=2e-4)
    near(fitted.fixed.se, [0.7608499, 0.7037565, 0.9609633], relative=1e-3)
    near(sds(fitted, "judge"), [1.0610496, 0.1360468], absolute=2e-4)
    assert fitted.loglik == pytest.approx(-81.5104746, abs=1e-4)
    assert fitted.state.singular


def test_wine_profiles_and_likelihood_ratios(wine):
    random = [Term("judge", ["1"])]
    large = fit(wine, "rating", ["warm", "contact"], random, family="ordinal")
    small = fit(wine, "rating", ["warm"], random, family="ordinal")
    ratio = likelihood_ratio(small, large)
    assert ratio.df == 1
    assert ratio.statistic == pytest.approx(14.34681, abs=1e-3)
    assert ratio.p == pytest.approx(0.00015204, rel=1e-3)
    low, high = profile_interval(large, "warm")
    assert (low, high) == pytest.approx(large.contrast({"warm": 1.0}).interval(), abs=0.15)
    low, high = profile_interval(large, "1", group="judge")
    assert 0 < low < 1.13 < high


FULL = [Term("Participant", ["1", "c"]), Term("Item", ["1", "c"])]
SEPARATE = [Term("Participant", ["1", "c"], correlated=False), Term("Item", ["1", "c"], correlated=False)]
# Ratings rounded to whole points. Thresholds then `c`; standard errors; SDs and correlation of Participant, of Item.
FAKEART = {
    ("Beauty", "full", "logit"): (
        [-4.38128532, -2.72740716, -1.67897336, -0.00052353, 1.88047671, 3.79306218, -0.98861760],
        [0.2879125, 0.2161055, 0.1989597, 0.1902561, 0.2011128, 0.2519704, 0.2187816],
        [0.64921814, 0.94950545, 0.05260268, 0.89042362, 0.29693175, -0.24016416], -1500.30304872,
    ),
    ("Beauty", "full", "probit"): (
        [-2.39304358, -1.56107532, -0.97945743, 0.00540116, 1.10356457, 2.13316546, -0.52828509],
        [0.14563068, 0.11973762, 0.11305061, 0.10947603, 0.11403953, 0.13410966, 0.12316915],
        [0.35944808, 0.52427595, 0.08386558, 0.52229081, 0.21774151, -0.28771460], -1500.13322079,
    ),
    ("Beauty", "separate", "logit"): (
        [-4.38220634, -2.72940187, -1.67982753, 0.00164556, 1.88145775, 3.79020159, -0.99134628],
        [0.2871588, 0.2161167, 0.1989540, 0.1901177, 0.2010811, 0.2511335, 0.2186979],
        [0.64964346, 0.95001593, 0.89017553, 0.29572850], -1500.45222023,
    ),
    ("Beauty", "separate", "probit"): (
        [-2.39221786, -1.56217285, -0.98012842, 0.00644439, 1.10437376, 2.13253272, -0.52856309],
        [0.14542923, 0.11973054, 0.11302173, 0.10942215, 0.11402594, 0.13391924, 0.12336773],
        [0.35925704, 0.52545741, 0.52248374, 0.21885549], -1500.47319996,
    ),
    ("Meaning", "full", "logit"): (
        [-2.43406494, -1.42813253, -0.48878686, 0.45017311, 1.96765491, 3.88982233, -0.93081486],
        [0.2572998, 0.2466089, 0.2424613, 0.2421751, 0.2503376, 0.2900776, 0.1496518],
        [1.00791487, 0.44885377, -0.01908945, 0.94894465, 0.11000309, -1.0], -1644.68293365,
    ),
    ("Meaning", "full", "probit"): (
        [-1.39951964, -0.83365833, -0.28878958, 0.26353122, 1.14200437, 2.16098405, -0.54377866],
        [0.14209192, 0.13762031, 0.13592446, 0.13584163, 0.13931885, 0.15401554, 0.08757579],
        [0.55369848, 0.27973129, 0.09836098, 0.54332447, 0.05165660, -1.0], -1647.94874297,
    ),
    ("Meaning", "separate", "logit"): (
        [-2.43706001, -1.42943312, -0.48834371, 0.45156745, 1.96563666, 3.87851462, -0.93133962],
        [0.2573737, 0.2466325, 0.2424190, 0.2421293, 0.2502896, 0.2892028, 0.1486987],
        [1.00765547, 0.44854446, 0.94971920, 0.0], -1644.98541595,
    ),
    ("Meaning", "separate", "probit"): (
        [-1.39976507, -0.83454703, -0.28975284, 0.26278282, 1.14075438, 2.15894575, -0.54403955],
        [0.14185846, 0.13736959, 0.13565538, 0.13557302, 0.13906753, 0.15368981, 0.08698266],
        [0.55196492, 0.27778918, 0.54332665, 0.0], -1648.20265895,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("response", "terms", "link"), FAKEART)
def test_fakeart_ratings(fakeart, response, terms, link):
    data = fakeart.assign(rating=np.round(fakeart[response]))
    fitted = fit(data, "rating", ["c"], FULL if terms == "full" else SEPARATE, family="ordinal", link=link)
    coefficients, errors, spread, loglik = FAKEART[response, terms, link]
    near(estimates(fitted)[0], coefficients, absolute=2e-4)
    near(estimates(fitted)[1], errors, relative=1e-4)
    assert fitted.loglik == pytest.approx(loglik, abs=1e-5)
    near(fitted.random.value, spread, absolute=5e-4)
    assert fitted.state.singular == (response == "Meaning")
    assert len(fitted.thresholds) == 6
