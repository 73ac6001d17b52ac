"""One step of training: from a batch to changed weights.

    x = transform(raw);  r = model.infer(x, c);  losses = objective.losses(r)
    gradients -> sum over processes -> clip -> update -> moving average

For one process all of it is one graph without a branch on data, which can be compiled. Nothing in
a step asks the device for a number, so a GPU is never waited for: a step that is not finite, or
whose gradient is longer than `skip`, leaves the weights as they were and counts as skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.models import LatentModel
from latentry.core.objective import Objective

from .options import Options
from .rules import RULES
from .sources import Batch
from .team import Team
from .weights import Weights

COUNTS = 3
"""The last numbers of `Step.totals`: good steps, skipped ones, and skipped since a look."""


class Pass(nn.Module):
    """What is differentiated: a batch -> its losses, and the numbers that are summed up."""

    def __init__(self, model: LatentModel, transform: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.transform, self.objective = model, transform, objective
        self.precision = "float32"

    def forward(self, raw: Tensor, c: Tensor | None, done: Tensor) -> tuple[list[Tensor], Tensor]:
        """The losses, (), and the first one with the parts of the bound, (P,)."""
        x = self.transform(raw)
        low = self.precision == "bfloat16"
        # A graph casts a weight where it is used; the cache would only get in its way.
        cache = not torch.compiler.is_compiling()
        with torch.autocast(x.device.type, torch.bfloat16, enabled=low, cache_enabled=cache):
            r = self.model.infer(x, c, self.objective.draws)
            losses = [loss for loss, _ in self.objective.losses(r, self.model, done)]
            parts = self.objective.parts(r, self.model)
        seen = [losses[0], *parts.values()]
        return losses, torch.stack([number.detach().float() for number in seen])


class Step:
    """The weights, the state of the rule that changes them, and sums of what was seen."""

    def __init__(
        self,
        model: LatentModel,
        transform: nn.Module,
        objective: Objective,
        options: Options,
        team: Team,
        example: Batch,
    ) -> None:
        self.options, self.team = options, team
        self.run = Pass(model, transform, objective)
        self.weights = Weights(self.run)
        w = self.weights.values
        self.device = w.device
        self.names, self.trains = self._outline(*example)
        self.rule = RULES[options.optimizer](options.weight_decay)
        self.state = [torch.zeros_like(w) for _ in self.rule.slots]
        self.average = None if options.ema is None else w.clone()
        self.totals = torch.zeros(len(self.names) + COUNTS, device=self.device)
        self.whole: Callable[..., Any] = self._whole
        self.gradients: Callable[..., tuple[Tensor, Tensor]] = self._gradients
        self.stop = False
        """Whether any process wished to stop at the last step (with several of them)."""

    @torch.no_grad()
    def _outline(self, raw: Tensor, c: Tensor | None) -> tuple[list[str], list[list[int]]]:
        """The names of what is summed up, and which parameters each loss trains.

        This pass also lets torch settle which formula serves each KL, which it could not do while
        it compiles.
        """
        model, objective = self.run.model, self.run.objective
        model.eval()
        with noise.shared(self.team.rank, self.team.world):
            r = model.infer(self.run.transform(raw), c, objective.draws)
            pairs = objective.losses(r, model, torch.zeros((), device=self.device))
            names = ["loss", *objective.parts(r, model)]
        return names, [self.weights.indices(parameters) for _, parameters in pairs]

    def __call__(self, batch: Batch, step: int, steps: int, stop: bool = False) -> None:
        """Change the weights by step `step` (0, 1, ...) of `steps`.

        The noise is what torch's generator gives, so the caller seeds it for each step. With
        several processes, `stop` is what this one wishes and `self.stop` what any of them wished.
        """
        # A long memory would hold on to the first, untrained weights: it grows with the steps.
        memory = min(self.options.ema or 0.0, (1 + step) / (10 + step))
        numbers = self.rule.numbers(step, self.options.rate(step, steps))
        now = torch.tensor([step / steps, 1.0 - memory, *numbers]).to(self.device)
        w = self.weights.values
        if self.team.world == 1:
            self.whole(w, self.state, self.average, self.totals, *batch, now)
            return
        with noise.shared(self.team.rank, self.team.world):
            g, seen = self.gradients(w, *batch, now)
        message = torch.cat([g, seen, seen.new_tensor([float(stop)])])
        self.team.total(message)
        self.stop = bool(message[-1] > 0)
        g, seen = (message[:-1] / self.team.world).split([len(g), len(seen)])
        self._update(w, self.state, self.average, self.totals, g, seen, now)

    def _whole(
        self,
        w: Tensor,
        state: list[Tensor],
        average: Tensor | None,
        totals: Tensor,
        raw: Tensor,
        c: Tensor | None,
        now: Tensor,
    ) -> None:
        g, seen = self._gradients(w, raw, c, now)
        self._update(w, state, average, totals, g, seen, now)

    def _gradients(
        self, w: Tensor, raw: Tensor, c: Tensor | None, now: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gradient with respect to the weights (n,), and the numbers to sum up."""
        parameters: list[Any] = self.weights.parameters
        if torch.compiler.is_compiling():
            # The views are taken inside the graph: its inputs may not share memory.
            parameters = [p.requires_grad_() for p in self.weights.split(w.detach())]
            named = dict(zip(self.weights.names, parameters, strict=True))
            losses, seen = torch.func.functional_call(self.run, named, (raw, c, now[0]))
        else:
            losses, seen = self.run(raw, c, now[0])
        found: list[Tensor | None] = [None] * len(parameters)
        for i, (loss, trains) in enumerate(zip(losses, self.trains, strict=True)):
            own = [parameters[j] for j in trains]
            more = i + 1 < len(losses)
            parts = torch.autograd.grad(loss, own, retain_graph=more, materialize_grads=True)
            for j, part in zip(trains, parts, strict=True):
                before = found[j]
                found[j] = part if before is None else before + part
        filled = [
            torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)
        ]
        return torch.cat([g.flatten() for g in filled]), seen

    @torch.no_grad()
    def _update(
        self,
        w: Tensor,
        state: list[Tensor],
        average: Tensor | None,
        totals: Tensor,
        g: Tensor,
        seen: Tensor,
        now: Tensor,
    ) -> None:
        square = g.square().sum() if torch.compiler.is_compiling() else g.dot(g)
        # A compiler works out `ok` anew for every few weights, so it is one comparison, which is
        # also false for NaN. Written with isfinite and a root it took a fifth of the whole step.
        ok = square + seen[0].abs() < math.inf
        if self.options.skip is not None:
            ok = ok & (square < self.options.skip**2)
        if self.options.clip is not None:
            g = g * (self.options.clip / (square.sqrt() + 1e-6)).clamp(max=1.0)
        moves = self.run.objective.moves(now[0])
        before = [] if moves is None else [t.clone() for t in (w, *state)]
        self.rule.update(w, g, state, now[2:], ok)
        if moves is not None:
            at = self._places(moves)
            for tensor, old in zip((w, *state), before, strict=True):
                tensor.copy_(torch.where(at, tensor, old))
        if average is not None:
            average.copy_(torch.where(ok, torch.lerp(average, w, now[1]), average))
        good = ok.float()
        bad = 1.0 - good
        totals += torch.cat([torch.where(ok, seen, 0.0), torch.stack([good, bad, bad])])

    def _places(self, moves: list[Tensor]) -> Tensor:
        """Which weights move, (n,), where `moves` says so for each loss."""
        moving = torch.zeros(len(self.weights.parameters), dtype=torch.bool, device=self.device)
        for own, trains in zip(moves, self.trains, strict=True):
            moving[trains] = own
        sizes = [p.numel() for p in self.weights.parameters]
        parts = [m.expand(n) for m, n in zip(moving.unbind(), sizes, strict=True)]
        return torch.cat(parts)

    def row(self) -> dict[str, float]:
        """The means of the parts over the steps since `start_epoch`, and the steps skipped."""
        *sums, good, skipped, _ = self.totals.tolist()
        means = [total / good if good else float("nan") for total in sums]
        return {**dict(zip(self.names, means, strict=True)), "skipped": int(skipped)}

    def start_epoch(self) -> None:
        """Begin new sums."""
        self.totals[:-1].zero_()

    def skipped(self) -> int:
        """How many steps were skipped since this was asked before."""
        count = int(self.totals[-1].item())
        self.totals[-1].zero_()
        return count

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name."""
        named = {f"model.{n}": t for n, t in self.run.model.state_dict().items()}
        named |= {f"objective.{n}": t for n, t in self.run.objective.state_dict().items()}
        for slot, tensor in zip(self.rule.slots, self.state, strict=True):
            named[slot] = tensor
        if self.average is not None:
            named["average"] = self.average
        return named | {"totals": self.totals}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up what `tensors` gave. Raises KeyError or RuntimeError where it does not fit."""
        for prefix, module in (("model.", self.run.model), ("objective.", self.run.objective)):
            own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            module.load_state_dict(own)
        for slot, tensor in zip(self.rule.slots, self.state, strict=True):
            tensor.copy_(tensors[slot])
        if self.average is not None:
            self.average.copy_(tensors["average"])
        self.totals.copy_(tensors["totals"])
