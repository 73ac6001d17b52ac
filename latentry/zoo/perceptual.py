"""Models whose reconstructions are compared otherwise than number by number."""

from __future__ import annotations

from dataclasses import dataclass

from ..building import Plan
from ..core.judged import Judge, Judged, JudgedVAE
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.objective import Objective
from ..core.posteriors import Posterior
from ..core.priors import Prior
from ..core.schedules import linear
from ..data.schema import Schema
from ..estimator import Estimator, option
from .autoencoders import squared_error
from .checks import at_least


@dataclass(eq=False, repr=False)
class VAEGAN(Estimator):
    """VAE-GAN: a critic's features measure the reconstruction, and the decoder learns to pass.

    Larsen et al., 2016, https://arxiv.org/abs/1512.09300

    The critic is a net like the encoder. Scores are those of the likelihood over the decoder's
    numbers, on which the model is not trained: its reconstructions look sharper than they score.
    The history's distortion is the distance of the critic's features. The last weights are kept.
    """

    gamma: float = option(10.0, "weight of the reconstruction against passing, for the decoder")

    def build(self, plan: Plan) -> LatentModel:
        model = super().build(plan)
        assert isinstance(model, JudgedVAE)
        model.judge = Judge(plan.encoder())
        return model

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        return JudgedVAE(posterior, prior, likelihood, self.build_corruption())

    def objective(self) -> Objective:
        at_least("gamma", self.gamma, 0.0)
        return Judged(linear(0.0, 1.0, self.warmup), self.gamma, settled=self.warmup)

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        # A scale that is learned would have nothing to learn from.
        if squared_error(schema) is None:
            return super().choose_likelihood(schema)
        return "gaussian", "likelihood gaussian of scale 1, since the critic measures distances"


@dataclass(eq=False, repr=False)
class MSSSIMVAE(Estimator):
    """MS-SSIM VAE: images are reconstructed by how alike they look, not pixel by pixel.

    Snell et al., 2017, https://arxiv.org/abs/1511.06409

    The loss is a distance between images, so that there is no likelihood of the data. Samples that
    are no images in [0, 1] are trained on as a VAE's.
    """

    similarity: float = option(1.0, "weight for each pixel of 1 - MS-SSIM, against the rate")

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        at_least("similarity", self.similarity, 0.0, above=True)
        if schema.kind == "image" and schema.values in ("binary", "levels", "unit"):
            return f"ms-ssim:weight={self.similarity:g}", "likelihood ms-ssim, the model's own"
        name, why = super().choose_likelihood(schema)
        return name, f"{why}, and ms-ssim needs images in [0, 1]"
