"""2. A plane of digits: a VAE with two latent dimensions, 784-256-2.

RMSprop, batches of 100, 50 epochs, Bernoulli on grey pixels.

Goal: the latent scatter of the test digits by label, and the 15 x 15 manifold of what the decoder
makes of the plane. How well the plane separates the digits is measured by the nearest neighbours
of each test digit among the codes of the training digits.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common import Example
from sklearn.neighbors import KNeighborsClassifier

from latentry import VAE
from latentry.report import figures


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("02_latent_plane", __doc__, argv)
    train, test = example.digits()
    vae = VAE(
        latent=2, hidden=256, net="mlp", likelihood="bernoulli", optimizer="rmsprop",
        batch_size=100, epochs=example.pick(50, 3), valid=0, random_state=0,
    )  # fmt: skip
    with example.timed("training"):
        vae.fit(train.x)
    example.used("VAE", vae)
    with example.timed("evaluating"):
        found = vae.evaluate(test.x)
        neighbours = KNeighborsClassifier(20).fit(vae.transform(train.x), train.labels)
        right = neighbours.score(vae.transform(test.x), test.labels)
    example.measured("test negative ELBO", -found["elbo"], "nats for each image")
    example.measured("its distortion", found["distortion"], "nats for each image")
    example.measured("its rate", found["rate"], "nats for each image")
    example.measured("test digits named rightly by 20 neighbours in the plane", right, "share")
    example.show(figures.latent_map(vae, test.x, test.labels))
    example.show(figures.manifold(vae, 15))
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
