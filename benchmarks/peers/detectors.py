"""What the detection benchmark runs in each Python: methods over sets, a line of JSON for each.

echo '[{"set": "wine", "protocol": "one-class", "seed": 0, "method": "KNN"}]' \
        | python pyod_detect.py --data FOLDER
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import adbench

SPEED = "speed"
"""The protocol of a job that measures how long learning takes."""
Method = Callable[[int, np.ndarray, np.ndarray | None], np.ndarray]
"""(seed, rows to learn from, rows to score or None for the same) -> scores, larger for stranger."""


def main(methods: Mapping[str, Method]) -> None:
    """Do the jobs that are given on stdin, a list in JSON, and print what each came to."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    paths = adbench.files(parser.parse_args().data)
    for job in json.load(sys.stdin):
        method = methods[job["method"]]
        if job["protocol"] == SPEED:
            job["seconds"] = speed(method)
        else:
            rows = adbench.split(paths[job["set"]], job["protocol"], job["seed"])
            job |= measured(method, job["seed"], job["protocol"], *rows)
        print("RESULT " + json.dumps(job), flush=True)


def measured(
    method: Method, seed: int, protocol: str, learn: np.ndarray, score: np.ndarray, odd: np.ndarray
) -> dict[str, Any]:
    """How well a method tells the anomalies, and how long it took; an error where it failed."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    line: dict[str, Any] = {"rows": len(learn), "columns": learn.shape[1]}
    began = time.process_time()
    try:
        scores = method(seed, learn, None if protocol == "contaminated" else score)
        line["auroc"] = float(roc_auc_score(odd, scores))
        line["auprc"] = float(average_precision_score(odd, scores))
    except Exception as error:
        traceback.print_exc()
        line["error"] = f"{type(error).__name__}: {error}"
    return line | {"seconds": round(time.process_time() - began, 3)}


def speed(method: Method) -> float:
    """Seconds of a processor to learn from 2,000 x 20 numbers, once what is compiled is warm."""
    rows = np.random.default_rng(0).normal(size=(2000, 20))
    for _ in range(2):
        began = time.process_time()
        method(0, rows, rows[:1])
        seconds = time.process_time() - began
    return round(seconds, 3)
