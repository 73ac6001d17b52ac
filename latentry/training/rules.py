"""Rules that change weights: Adam, AdamW and RMSprop over one vector.

They differ from torch.optim in what a training step as one graph needs: state in plain tensors,
numbers that change with the step handed in as a tensor, and no effect at all where the gradient is
not finite, without asking the device whether it is.
"""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor


class Rule(abc.ABC):
    """An update of weights w (n,) by a gradient g (n,), with state of the same shape."""

    slots: ClassVar[tuple[str, ...]]
    """The names of the state, which starts at zero."""

    def __init__(self, weight_decay: float) -> None:
        self.weight_decay = weight_decay

    @abc.abstractmethod
    def numbers(self, step: int, rate: float) -> list[float]:
        """What `update` needs to know about step 0, 1, ... with that learning rate."""

    @abc.abstractmethod
    def update(self, w: Tensor, g: Tensor, state: list[Tensor], now: Tensor, ok: Tensor) -> None:
        """Change w and the state in place, or leave them where `ok` (), a bool, is false.

        `now` is the tensor of `numbers`.
        """


class Adam(Rule):
    """Kingma & Ba, 2015, arXiv 1412.6980; weight decay is part of the gradient."""

    slots = ("exp_avg", "exp_avg_sq")
    decoupled = False
    beta1, beta2, eps = 0.9, 0.999, 1e-8

    def numbers(self, step: int, rate: float) -> list[float]:
        # Powers are taken here: in a compiled graph they would be taken again for every weight.
        t = step + 1
        return [rate, t, rate / (1 - self.beta1**t), (1 - self.beta2**t) ** -0.5]

    def update(self, w: Tensor, g: Tensor, state: list[Tensor], now: Tensor, ok: Tensor) -> None:
        if torch.compiler.is_compiling():
            self._formula(w, g, state, now, ok)
        else:
            self._fused(w, g, state, now, ok)

    def _formula(self, w: Tensor, g: Tensor, state: list[Tensor], now: Tensor, ok: Tensor) -> None:
        """For the compiler, which makes one loop over the weights of it."""
        m, v = state
        old = w
        if self.weight_decay and self.decoupled:
            w = w * (1 - now[0] * self.weight_decay)
        elif self.weight_decay:
            g = g + self.weight_decay * w
        new_m = torch.lerp(m, g, 1 - self.beta1)
        new_v = v * self.beta2 + g * g * (1 - self.beta2)
        new = w - now[2] * new_m / (new_v.sqrt() * now[3] + self.eps)
        for tensor, value in ((m, new_m), (v, new_v), (old, new)):
            tensor.copy_(torch.where(ok, value, tensor))

    def _fused(self, w: Tensor, g: Tensor, state: list[Tensor], now: Tensor, ok: Tensor) -> None:
        fused = torch._fused_adamw_ if self.decoupled else torch._fused_adam_  # pyright: ignore[reportPrivateImportUsage]
        fused(
            [w],
            [g],
            state[:1],
            state[1:],
            [],
            [now[1]],
            lr=now[0],
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
            found_inf=ok.logical_not().float(),
        )


class AdamW(Adam):
    """Loshchilov & Hutter, 2019, arXiv 1711.05101; weight decay stands beside the gradient."""

    decoupled = True


class RMSprop(Rule):
    """w -= rate g / (sqrt(v) + eps), v a moving average of g^2: Tieleman & Hinton, 2012."""

    slots = ("square_avg",)
    alpha, eps = 0.99, 1e-8

    def numbers(self, step: int, rate: float) -> list[float]:
        return [rate]

    def update(self, w: Tensor, g: Tensor, state: list[Tensor], now: Tensor, ok: Tensor) -> None:
        (v,) = state
        if self.weight_decay:
            g = g + self.weight_decay * w
        new_v = v * self.alpha + g * g * (1 - self.alpha)
        new = w - now[0] * g / (new_v.sqrt() + self.eps)
        for tensor, value in ((v, new_v), (w, new)):
            tensor.copy_(torch.where(ok, value, tensor))


RULES: dict[str, type[Rule]] = {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop}
