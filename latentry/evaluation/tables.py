"""How like a real table a synthetic one is, and whether it gives the rows of the real one away.

Figures of single columns and of pairs are shares of likeness, 1 for the same distribution, as
Patki, Wedge & Veeramachaneni, 2016 (The Synthetic Data Vault) and its metrics library define
them. All compare the synthetic rows with `real`, but those that need rows that the model has not
seen, which take `held_out`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import LatentryError, suggest

BINS = 10
"""Stretches into which numbers are cut where they are paired with levels."""
RARE = 0.05
"""Levels below this share are rare."""
SKEWED = 2.0
"""Columns of a larger skewness have their 99th percentile compared."""
MOST = 5000
"""Rows that are compared with each other at most."""
GONE = "\0missing"

Frame = Any


def compare_tables(
    real: Frame, made: Frame, held_out: Frame | None = None, *,
    target: str | None = None, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Every figure of synthetic rows, by name.

    real, made : DataFrames of pandas with the same columns; held_out : rows of the same source
    target : the column that is predicted from the others; without one, no prediction is made

    shapes, pairs : likeness of single columns and of pairs, and `quality`, the mean of the two
    missing : likeness of the shares of missing cells
    rare, tails : of the levels below 5 % the share that occurs, and the median ratio of the 99th
        percentiles (made / real) of skewed columns
    detection : AUROC of a classifier told to tell made rows from real ones: 0.5 where it cannot
    utility : train on made rows, test on held-out ones; `utility_real` by training on real ones
    distance : median distance to the closest real row over that of held-out rows; 1 is as close
        as new real rows are
    copies : share of made rows that are real rows in every cell; `copies_held_out` of held-out ones

    Raises LatentryError where the columns differ or the target is none of them.
    """
    import pandas as pd

    frames = [real, made, *([] if held_out is None else [held_out])]
    if any(set(f.columns) != set(real.columns) for f in frames):
        raise LatentryError("The tables have different columns; give tables of the same ones.")
    if target is not None and target not in real.columns:
        raise LatentryError(
            f"target={target!r} is no column of the table.{suggest(target, list(real.columns))}"
        )
    named = _unnamed(real)
    real, made = real[named], made[named]
    held_out = None if held_out is None else held_out[named]
    numbers = [n for n in named if is_number(real[n])]
    shapes = column_shapes(real, made)
    pairs = pair_trends(real, made, numbers)
    each = {n: 1 - abs(float(real[n].isna().mean() - made[n].isna().mean())) for n in named}
    found: dict[str, Any] = {
        "rows": len(made),
        "shapes": float(np.mean(list(shapes.values()))),
        "pairs": float(np.mean(list(pairs.values()))) if pairs else 1.0,
        "missing": float(np.mean(list(each.values()))),
        "rare": rare_levels(real, made, numbers),
        "tails": tails(real, made, numbers),
        "detection": detection(real, made, seed),
        "copies": copies(real, made),
    }
    found["quality"] = (found["shapes"] + found["pairs"]) / 2
    found["columns"], found["column_pairs"] = shapes, pairs
    if held_out is not None:
        found["distance"] = closeness(real, made, held_out, seed)
        found["copies_held_out"] = copies(real, held_out)
        if target is not None:
            found["utility"], found["utility_of"] = utility(made, held_out, target, seed)
            found["utility_real"], _ = utility(real, held_out, target, seed)
    assert isinstance(real, pd.DataFrame)
    return found


# ---------------------------------------------------------------------------- columns and pairs


def column_shapes(real: Frame, made: Frame) -> dict[str, float]:
    """Likeness of each column: see `compare_tables`."""
    return {n: _shape(real[n], made[n], is_number(real[n])) for n in real}


def _shape(a: Any, b: Any, number: bool) -> float:
    """1 - the Kolmogorov-Smirnov distance of numbers, 1 - the total variation of levels."""
    from scipy.stats import ks_2samp

    if number:
        x, y = line(a).dropna(), line(b).dropna()
        return 1 - float(ks_2samp(x, y, method="asymp").statistic) if len(x) and len(y) else 0.0  # pyright: ignore[reportAttributeAccessIssue]
    p, q = (_levels(s).value_counts(normalize=True) for s in (a, b))
    return 1 - 0.5 * float(p.sub(q, fill_value=0.0).abs().sum())


def pair_trends(real: Frame, made: Frame, numbers: list[str]) -> dict[str, float]:
    """Likeness of each pair of columns, by their names "a x b".

    Of numbers 1 - |difference of the correlations| / 2, of all others 1 - the total variation of
    their joint levels, numbers cut into `BINS` stretches of the real column's range.
    """
    a, b = ({n: _cut(f[n], real[n], n in numbers) for n in real} for f in (real, made))
    lines = [{n: line(f[n]) for n in numbers} for f in (real, made)]
    found: dict[str, float] = {}
    names = list(real.columns)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if one in numbers and other in numbers:
                r, s = (_correlation(own[one], own[other]) for own in lines)
                like = None if np.isnan(r) else 1 - abs(r - np.nan_to_num(s)) / 2
            else:
                like = 1 - _joint_distance((a[one], a[other]), (b[one], b[other]))
            if like is not None:
                found[f"{one} x {other}"] = float(like)
    return found


def _correlation(x: Any, y: Any) -> float:
    both = x.notna() & y.notna()
    x, y = x[both].to_numpy(), y[both].to_numpy()
    if len(x) < 2 or not x.std() or not y.std():
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _joint_distance(a: tuple[Any, Any], b: tuple[Any, Any]) -> float:
    """The total variation between the joint levels of two pairs of columns."""
    p, q = (
        one.astype(str).str.cat(other.astype(str), sep="\0").value_counts(normalize=True)
        for one, other in (a, b)
    )
    return 0.5 * float(p.sub(q, fill_value=0.0).abs().sum())


def rare_levels(real: Frame, made: Frame, numbers: list[str]) -> float | None:
    """The share of the levels below `RARE` that occur in the synthetic rows; None without any."""
    found = [
        level in seen
        for name in real
        if name not in numbers
        for seen in [set(made[name].dropna().astype(str))]
        for level, share in real[name].dropna().astype(str).value_counts(normalize=True).items()
        if share < RARE
    ]
    return float(np.mean(found)) if found else None


def tails(real: Frame, made: Frame, numbers: list[str]) -> float | None:
    """The median of made / real 99th percentiles over skewed columns; None without any."""
    ratios = []
    for name in numbers:
        x, y = line(real[name]).dropna(), line(made[name]).dropna()
        top = x.quantile(0.99)
        if len(y) and top > 0 and float(x.skew()) > SKEWED:
            ratios.append(float(y.quantile(0.99)) / float(top))
    return float(np.median(ratios)) if ratios else None


# --------------------------------------------------------------------------------- whole rows


def detection(real: Frame, made: Frame, seed: int = 0) -> float:
    """AUROC of boosted trees that tell made rows from real ones, by 3 folds: at best 0.5."""
    import pandas as pd
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    n = min(len(real), len(made), MOST)
    rows = pd.concat([f.sample(n, random_state=seed) for f in (real, made)], ignore_index=True)
    y = np.repeat([0, 1], n)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    scores = cross_val_score(_trees(seed, True), _coded(rows, real), y, cv=folds, scoring="roc_auc")
    return float(np.mean(scores))


def utility(train: Frame, test: Frame, target: str, seed: int = 0) -> tuple[float, str]:
    """Boosted trees trained on `train` and tested on `test`: the figure and what it is.

    AUROC of a target of two levels, accuracy of more, R squared of numbers of more than 20 values.
    """
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    train, test = train[train[target].notna()], test[test[target].notna()]
    x, z = (_coded(f.drop(columns=[target]), test.drop(columns=[target])) for f in (train, test))
    if is_number(test[target]) and test[target].nunique() > 20:
        model = _trees(seed, False).fit(x, line(train[target]))
        return float(r2_score(line(test[target]), model.predict(z))), "R squared"
    y, truth = train[target].astype(str), test[target].astype(str)
    levels = sorted(truth.unique())
    if y.nunique() < 2:
        return (0.5 if len(levels) == 2 else 0.0), "AUROC" if len(levels) == 2 else "accuracy"
    model = _trees(seed, True).fit(x, y)
    if len(levels) == 2:
        at = list(model.classes_).index(levels[1])
        return float(roc_auc_score(truth == levels[1], model.predict_proba(z)[:, at])), "AUROC"
    return float(accuracy_score(truth, model.predict(z))), "accuracy"


def copies(real: Frame, made: Frame) -> float:
    """The share of the rows of `made` that are rows of `real` in every cell."""
    known = {tuple(row) for row in real.astype(str).to_numpy()}
    return float(np.mean([tuple(row) in known for row in made[list(real)].astype(str).to_numpy()]))


def closeness(real: Frame, made: Frame, held_out: Frame, seed: int = 0) -> float:
    """The median distance to the closest real row, over that of held-out rows.

    Gower's distance in its Euclidean form: numbers by their rank among the real ones, 1 for
    another level.
    """
    from sklearn.neighbors import NearestNeighbors

    points = NearestNeighbors(n_neighbors=1).fit(_placed(real, real))
    own, new = (
        points.kneighbors(_placed(f.sample(min(len(f), MOST), random_state=seed), real))[0]
        for f in (made, held_out)
    )
    base = float(np.median(new))
    return float(np.median(own)) / base if base else float("nan")


def _placed(f: Frame, real: Frame) -> np.ndarray:
    parts = []
    for name in real:
        if is_number(real[name]):
            known = np.sort(line(real[name]).dropna().to_numpy())
            cells = line(f[name]).to_numpy()
            rank = np.searchsorted(known, cells, "right") / max(1, len(known))
            parts.append(np.where(np.isnan(cells), -1.0, rank)[:, None])
        else:
            levels = sorted(_levels(real[name]).unique())
            own = _levels(f[name]).to_numpy()
            parts.append((own[:, None] == np.array(levels, dtype=object)) / np.sqrt(2))
    return np.concatenate(parts, 1, dtype=np.float32)


def _trees(seed: int, classes: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(random_state=seed, categorical_features="from_dtype")


def _coded(f: Frame, like: Frame) -> Frame:
    """Rows as boosted trees take them: numbers, and levels as categories, at most 250 of them."""
    import pandas as pd

    made = {}
    for name in like:
        if is_number(like[name]):
            made[name] = line(f[name])
        else:
            often = like[name].dropna().astype(str).value_counts().index[:250]
            text = f[name].astype(str).where(f[name].notna(), None)
            made[name] = pd.Categorical(text, sorted(often))
    return pd.DataFrame(made, index=f.index)


# ------------------------------------------------------------------------------------------ cells


def _unnamed(real: Frame) -> list[str]:
    """The columns but those of text that only name rows."""
    named = [n for n in real if not is_number(real[n]) and real[n].nunique() > 0.95 * len(real)]
    return [n for n in real if n not in named]


def is_number(s: Any) -> bool:
    """Whether a column holds numbers or dates."""
    import pandas as pd

    api = pd.api.types
    if isinstance(s.dtype, pd.CategoricalDtype) or api.is_bool_dtype(s.dtype):
        return False
    return api.is_numeric_dtype(s.dtype) or api.is_datetime64_any_dtype(s.dtype)


def line(s: Any) -> Any:
    """Numbers, and dates in seconds, as float64."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(s.dtype):
        zoned = getattr(s.dtype, "tz", None) is not None
        times = s.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else s
        # From seconds, so that years are not bounded as in nanoseconds.
        return (times - pd.Timestamp(0).as_unit("s")).dt.total_seconds()
    return s.astype("float64")


def _levels(s: Any) -> Any:
    """Levels as text, a missing one being one of them."""
    return s.astype(str).where(s.notna(), GONE)


def _cut(s: Any, real: Any, number: bool) -> Any:
    """Levels, and numbers by the stretch of the real column's range that they lie in."""
    import pandas as pd

    if not number:
        return _levels(s)
    x, edges = line(s), np.histogram_bin_edges(line(real).dropna(), BINS)
    return pd.Series(np.where(x.isna(), -1, np.searchsorted(edges[1:-1], x, "right")), s.index)
