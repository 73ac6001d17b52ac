"""5. A conditional VAE: digits on demand.

The label goes into the encoder and into the decoder, so that the code is left with the style. A
second model has a prior with a learned mean for each class, p(z|c) = N(mu_c, I).

Goal: a grid with a row for each digit and a column for each style; and a classifier that agrees
with the digit that was asked for at least 95% of the time. The classifier learns from 10,000
training images that the models have not seen. It is a support vector machine, trained a second
time with its support vectors moved by a pixel each way (DeCoste & Schölkopf, 2002, Machine
Learning 46), so that where a digit stands does not matter to it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from common import Example, as_rows
from sklearn.svm import SVC

from latentry import ConditionalVAE
from latentry.report import figures


def train_judge(x: np.ndarray, labels: np.ndarray) -> SVC:
    """A classifier of images (N, H, W) that does not mind where in its frame a digit stands."""
    first = SVC(C=10).fit(as_rows(x), labels).support_
    moved = [np.roll(x[first], step, axis) for axis in (1, 2) for step in (1, -1)]
    rows = np.concatenate([as_rows(part) for part in (x, *moved)])
    return SVC(C=10).fit(rows, np.concatenate([labels, *[labels[first]] * len(moved)]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("05_conditional_vae", __doc__, argv)
    train, test = example.digits()
    assert train.labels is not None
    assert test.labels is not None
    kept = example.pick(10_000, 700)
    with example.timed("training the classifier"):
        judge = train_judge(train.x[-kept:], train.labels[-kept:])
        right = judge.score(as_rows(test.x), test.labels)
    example.measured("classifier on real test digits", right, "share named rightly")
    asked = np.repeat(np.arange(10), example.pick(1000, 20))
    each = {}
    for prior in ("standard", "learned"):
        cvae = ConditionalVAE(
            prior=prior, latent=10, hidden=(400, 400), net="mlp", likelihood="bernoulli",
            epochs=example.pick(40, 5), lr=2e-3, schedule="cosine", ema=0.999,
            valid=0, random_state=0,
        )  # fmt: skip
        with example.timed(f"training, {prior} prior"):
            cvae.fit(train.x[:-kept], condition=train.labels[:-kept])
        example.used(f"{prior} prior", cvae)
        with example.timed(f"evaluating, {prior} prior"):
            elbo = cvae.evaluate(test.x, condition=test.labels)["elbo"]
            made = cvae.sample(len(asked), condition=asked, seed=0)
            agree = judge.predict(as_rows(made)) == asked
        each[prior] = [float(agree[asked == k].mean()) for k in range(10)]
        name = f"agreement with the digit asked for, {prior} prior"
        example.measured(name, agree.mean(), f"share of {len(asked):,}", at_least=0.95)
        name = f"test negative ELBO given the label, {prior} prior"
        example.measured(name, -elbo, "nats for each image")
        example.show(figures.samples(cvae, seed=0), f"classes-{prior}")
    rows = [(str(k), each["standard"][k], each["learned"][k]) for k in range(10)]
    columns = ("digit", "standard prior", "learned prior")
    example.table("Agreement by digit (share)", columns, rows)
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
