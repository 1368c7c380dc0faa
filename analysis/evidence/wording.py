"""Numbers, units and names as sentences have them."""

from __future__ import annotations

import math

UNIT_WORDS = {
    "percent_signal": "% signal", "dprime": "d′", "microvolt": "µV", "proportion": "(proportion)", "points": "points",
    "log_s": "log s", "fisher_z": "z",
}  # fmt: skip


def unit_words(unit: str) -> str:
    """A unit as sentences write it."""
    return UNIT_WORDS.get(unit, unit)


def amount(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign, at least two decimals, and more where it is small."""
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and abs(value) < 10**-digits:
        digits = min(6, digits + 1 - math.floor(math.log10(abs(value)) + digits))
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def digits_for(se: float | None) -> int:
    """Decimals that show two significant digits of the standard error, between two and six."""
    if se is None or not 0 < se < math.inf:
        return 2
    return min(6, max(2, 1 - math.floor(math.log10(se))))


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


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]
