"""Published data, typed in; planted studies; the example data where they are there."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import Term

# Belenky et al. 2003: mean reaction time (ms) of 18 people on ten days with little sleep; lme4's `sleepstudy`.
SLEEP = """
249.56 258.7047 250.8006 321.4398 356.8519 414.6901 382.2038 290.1486 430.5853 466.3535
222.7339 205.2658 202.9778 204.707 207.7161 215.9618 213.6303 217.7272 224.2957 237.3142
199.0539 194.3322 234.32 232.8416 229.3074 220.4579 235.4208 255.7511 261.0125 247.5153
321.5426 300.4002 283.8565 285.133 285.7973 297.5855 280.2396 318.2613 305.3495 354.0487
287.6079 285 301.8206 320.1153 316.2773 293.3187 290.075 334.8177 293.7469 371.5811
234.8606 242.8118 272.9613 309.7688 317.4629 309.9976 454.1619 346.8311 330.3003 253.8644
283.8424 289.555 276.7693 299.8097 297.171 338.1665 332.0265 348.8399 333.36 362.0428
265.4731 276.2012 243.3647 254.6723 279.0244 284.1912 305.5248 331.5229 335.7469 377.299
241.6083 273.9472 254.4907 270.8021 251.4519 254.6362 245.4523 235.311 235.7541 237.2466
312.3666 313.8058 291.6112 346.1222 365.7324 391.8385 404.2601 416.6923 455.8643 458.9167
236.1032 230.3167 238.9256 254.922 250.7103 269.7744 281.5648 308.102 336.2806 351.6451
256.2968 243.4543 256.2046 255.5271 268.9165 329.7247 379.4445 362.9184 394.4872 389.0527
250.5265 300.0576 269.8939 280.5891 271.8274 304.6336 287.7466 266.5955 321.5418 347.5655
221.6771 298.1939 326.8785 346.8555 348.7402 352.8287 354.4266 360.4326 375.6406 388.5417
271.9235 268.4369 257.2424 277.6566 314.8222 317.2135 298.1353 348.1229 340.28 366.5131
225.264 234.5235 238.9008 240.473 267.5373 344.1937 281.1481 347.5855 365.163 372.2288
269.8804 272.4428 277.8989 281.7895 279.1705 284.512 259.2658 304.6306 350.7807 369.4692
269.4117 273.474 297.5968 310.6316 287.1726 329.6076 334.4818 343.2199 369.1417 364.1236
"""
# Davies & Goldsmith 1972: diameter (mm) of growth inhibition, 24 plates x 6 samples; lme4's `Penicillin`.
PENICILLIN = """
27 23 26 23 23 21
27 23 26 23 23 21
25 21 25 24 24 20
26 23 25 23 23 20
25 22 26 22 23 20
24 22 25 23 22 19
24 20 23 21 22 19
26 22 26 24 24 21
24 21 24 22 22 20
24 21 24 23 22 19
26 23 26 24 24 21
25 22 26 24 24 20
26 24 26 24 25 22
26 23 26 23 23 20
26 23 25 24 24 22
25 22 25 23 23 20
25 21 24 23 23 20
25 22 24 23 23 19
24 21 23 21 21 19
26 23 26 24 24 21
25 21 24 22 22 18
25 22 25 22 22 20
24 21 24 22 24 19
24 21 24 22 21 18
"""
# Randall 1989, Biom. J. 31:781: bitterness of wine, 1 to 5, by nine judges (rows) of eight bottles: cold, cold with
# contact of juice and skins, warm, warm with contact, two bottles each; the `wine` of R's ordinal.
WINE = """
2 3 3 4 4 4 5 5
1 2 1 3 2 3 5 4
2 3 3 2 5 5 4 4
3 2 3 2 3 2 5 3
2 3 4 3 3 3 3 3
3 2 3 2 2 4 5 4
1 1 2 2 2 3 2 3
2 2 2 3 3 3 3 4
1 2 3 2 3 2 4 4
"""


@pytest.fixture(scope="session")
def sleepstudy():
    values = np.array([line.split() for line in SLEEP.split("\n") if line], float)
    person, day = np.indices(values.shape)
    return pd.DataFrame({"person": person.ravel(), "days": day.ravel(), "ms": values.ravel()})


@pytest.fixture(scope="session")
def penicillin():
    values = np.array([line.split() for line in PENICILLIN.split("\n") if line], float)
    plate, sample = np.indices(values.shape)
    return pd.DataFrame({"plate": plate.ravel(), "sample": sample.ravel(), "mm": values.ravel()})


@pytest.fixture(scope="session")
def wine():
    values = np.array([line.split() for line in WINE.split("\n") if line], int)
    judge, bottle = np.indices(values.shape)
    data = pd.DataFrame({"judge": judge.ravel(), "bottle": bottle.ravel(), "rating": values.ravel()})
    data["warm"], data["contact"] = data.bottle // 4, data.bottle // 2 % 2
    return data


def study(
    people=20,
    scenes=16,
    *,
    seed=1,
    beta=(0.1, 0.2, 0.6, -0.3),
    person_sd=(0.5, 0.4),
    scene_sd=(0.4, 0.3, 0.2, 0.2),
    residual=1.0,
    ratio=1.0,
    binary=False,
):
    """Two groups of `people` x `scenes` x both arms: person (1 + c), scene (1 + c + g + g:c); `y`."""
    random = np.random.default_rng(seed)
    person, scene, arm = (index.ravel() for index in np.indices((2 * people, scenes, 2)))
    data = pd.DataFrame({"person": person, "scene": scene, "c": arm - 0.5})
    data["g"] = np.where(person < people, -0.5, 0.5)
    ones = np.ones(len(data))
    eta = np.column_stack([ones, data.g, data.c, data.g * data.c]) @ beta
    of_person = random.normal(size=(2 * people, 2)) * person_sd
    of_scene = random.normal(size=(scenes, 4)) * scene_sd
    eta = eta + of_person[person, 0] + of_person[person, 1] * data.c
    eta = eta + (of_scene[scene] * np.column_stack([ones, data.c, data.g, data.g * data.c])).sum(1)
    noise = random.normal(size=len(data)) * residual * np.where(data.g > 0, ratio, 1.0)
    data["y"] = (eta + noise > 0).astype(int) if binary else eta + noise
    return data


def ordered_study(people=20, scenes=16, *, cuts=(-1.5, -0.5, 0.4, 1.6), link="probit", seed=1, **settings):
    """A study whose answers are 1 to the number of `cuts` + 1."""
    data = study(
        people, scenes, seed=seed, beta=settings.pop("beta", (0.0, 0.2, 0.6, -0.3)), residual=0.0, **settings
    )
    random = np.random.default_rng([seed, 1])
    noise = random.normal(size=len(data)) if link == "probit" else random.logistic(size=len(data))
    return data.assign(y=np.searchsorted(cuts, data.y + noise) + 1)


FIXED = ["1", "g", "c", "g:c"]
PEOPLE_AND_SCENES = [
    Term("person", ["1", "c"]),
    Term("scene", ["1", "c", "g", "g:c"], correlated=False),
]


@pytest.fixture(scope="session")
def planted():
    return study


@pytest.fixture(scope="session")
def ordered():
    return ordered_study


@pytest.fixture(scope="session")
def fixed():
    return list(FIXED)


@pytest.fixture(scope="session")
def random_terms():
    return list(PEOPLE_AND_SCENES)


@pytest.fixture(scope="session")
def gengap(real_data):
    data = pd.read_csv(real_data / "behaviour/gengap/trials_long.csv")
    data["c"] = data.truth - 0.5
    data["g"] = np.where(data.age.str[:2].isin(["50", "60"]), 0.5, -0.5)
    return data


@pytest.fixture(scope="session")
def fakeart(real_data):
    data = pd.read_csv(real_data / "behaviour/fakeart/rawdata_task.csv")
    data = data[data.Condition.isin(["AI", "Human"])].copy()
    data["c"] = np.where(data.Condition == "AI", 0.5, -0.5)
    data["real"] = (data.Reality > 0).astype(int)
    return data
