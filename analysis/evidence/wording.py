"""Numbers, units and names as sentences have them."""

from __future__ import annotations

import math

UNIT_WORDS = {
    "percent_signal": "% signal",
    "dprime": "d′",
    "microvolt": "µV",
    "proportion": "(proportion)",
    "points": "points",
    "log_s": "log s",
    "fisher_z": "z",
}


def unit_words(unit: str) -> str:
    """A unit as sentences write it."""
    return UNIT_WORDS.get(unit, unit)


def amount(value: float | None, digits: int | None = None) -> str:
    """A number with a true minus sign.

    Parameters
    ----------
    value
        The number; None and NaN are ``n/a``.
    digits
        Decimals. By default two, and more for a number that would be 0.00.
    """
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if digits is None:
        digits = 2
        if value != 0 and abs(value) < 0.01:
            digits = min(6, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def digits_for(se: float | None) -> int:
    """Decimals that the standard error justifies: its first digit, and a second one where that is 1."""
    if se is None or not 0 < se < math.inf:
        return 2
    first = math.floor(math.log10(se))
    return min(6, max(2, -first + (se < 2 * 10**first)))


def p_value(p: float | None) -> str:
    """``p = .032`` without a leading zero; ``p < .001``."""
    if p is None:
        return "p n/a"
    if p < 0.001:
        return "p < .001"
    text = f"{p:.3f}"
    return "p = 1" if text == "1.000" else f"p = {text[1:]}"


def percent(level: float) -> str:
    """A level as ``95 %``."""
    return f"{100 * level:g} %"


def share(value: float) -> str:
    """A share of people in percent, as precise as it deserves to be."""
    percentage = 100 * value
    if percentage == 0 or percentage == 100:
        return f"{percentage:.0f} %"
    if percentage < 0.1:
        return "less than 0.1 %"
    if percentage > 99.9:
        return "more than 99.9 %"
    return f"{percentage:.1f} %" if percentage < 10 or percentage > 99 else f"{percentage:.0f} %"


def capital(text: str) -> str:
    """The text with its first letter large, except that d′ stays d′."""
    return text if text.startswith(("d′", "d'")) else text[:1].upper() + text[1:]
