r"""How well the arms of a set match, and what the analysis must carry because they do not.

>>> from stimuli.matching import match, write_matching
>>> found = match(features, units, tolerances=plan.stimuli.matching, leak=plan.stimuli.leak_test,
...               reference="live", contrasts=["ai"], seed=plan.seed)               # doctest: +SKIP
>>> print("\n".join(found.sentences()))                                              # doctest: +SKIP

Five questions, a file each, all about one table with a row per clip and a column per feature:

- `gate`: how far do the arms lie apart, in physical units, against the plan's tolerances? Descriptive: the clips are
  the stimuli (INFERENCE 12).
- `what_if`: which pairs, if dropped, make it pass?
- `equivalence`: what does that say of new clips made the same way? Information only.
- `leak` (with `classifier` and `planted`): can a machine tell the arms apart from these features alone?
- `covariates`: what must the analysis carry?

`judge.match` asks them all; `wording` and `methods` say what was found, `writing` saves it. `optimal_pairs` makes
pairs of clips that come without.
"""

from stimuli.matching.gate import GateRow
from stimuli.matching.judge import Comparison, Matching, match
from stimuli.matching.leak import Leak, leak_test
from stimuli.matching.optimal_pairs import Pairing, optimal_pairs
from stimuli.matching.paired import Paired, pair_up
from stimuli.matching.writing import write_matching

__all__ = [
    "Comparison",
    "GateRow",
    "Leak",
    "Matching",
    "Paired",
    "Pairing",
    "leak_test",
    "match",
    "optimal_pairs",
    "pair_up",
    "write_matching",
]
