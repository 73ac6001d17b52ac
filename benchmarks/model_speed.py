"""What an epoch of every model costs, beside the plain VAE's and beside pythae's.

    python benchmarks/model_speed.py [--peers PYTHON] [--only MODEL ...] [--eager] [--data-dir DIR]

Each model has one hidden layer of 512 units on each side (pythae's own default), 20 latent
dimensions where it can, a Bernoulli likelihood on grey pixels, batches of 128; 12,800 images of
MNIST for four epochs, of which the first, which compiles, does not count. Ours run as they do in
any longer run: compiled, and in bfloat16 where the processor multiplies it natively; pythae runs as
it does. With --eager ours are neither. Beside the seconds stand the floating-point operations of
the matrix products of a step, as torch counts them: where the ratio of the seconds is far above
that of the operations, something other than arithmetic is slow.

Prints the table and keeps it in results/model_speed.json and .md. Nothing else should run
meanwhile.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import latentry
from latentry import Estimator, LatentryError, load_data
from latentry.data.files import atomic
from latentry.training.sources import TensorSource

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
ROWS, BATCH, LATENT, HIDDEN, EPOCHS = 12_800, 128, 20, 512, 4

PEERS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "ae": ("AE", "AEConfig", {}, {}),
    "vae": ("VAE", "VAEConfig", {}, {}),
    "beta-vae": ("BetaVAE", "BetaVAEConfig", {}, {}),
    "iwae": ("IWAE", "IWAEConfig", {"number_samples": 5}, {"draws": 5}),
    "multiply-iwae": (
        "MIWAE",
        "MIWAEConfig",
        {"number_gradient_estimates": 2, "number_samples": 4},
        {"draws": 8, "groups": 2},
    ),
    "piwae": (
        "PIWAE",
        "PIWAEConfig",
        {"number_gradient_estimates": 2, "number_samples": 4},
        {"draws": 8, "groups": 2},
    ),
    "ciwae": ("CIWAE", "CIWAEConfig", {"number_samples": 8}, {"draws": 8}),
    "capacity-vae": ("DisentangledBetaVAE", "DisentangledBetaVAEConfig", {}, {}),
    "beta-tcvae": ("BetaTCVAE", "BetaTCVAEConfig", {}, {}),
    "factor-vae": ("FactorVAE", "FactorVAEConfig", {}, {}),
    "wae-mmd": ("WAE_MMD", "WAE_MMD_Config", {}, {}),
    "info-vae": ("INFOVAE_MMD", "INFOVAE_MMD_Config", {}, {}),
    "adversarial-ae": ("Adversarial_AE", "Adversarial_AE_Config", {}, {}),
    "vae-gan": ("VAEGAN", "VAEGANConfig", {}, {}),
    "ms-ssim-vae": ("MSSSIM_VAE", "MSSSIM_VAEConfig", {"window_size": 3}, {}),
    "vamp-prior-vae": (
        "VAMP",
        "VAMPConfig",
        {"number_components": 100},
        {"components": 100},
    ),
    "planar-vae": ("VAE_LinNF", "VAE_LinNF_Config", {"flows": ["Planar"] * 5}, {"flows": 5}),
    "radial-vae": ("VAE_LinNF", "VAE_LinNF_Config", {"flows": ["Radial"] * 5}, {"flows": 5}),
    "iaf-vae": (
        "VAE_IAF",
        "VAE_IAF_Config",
        {"n_made_blocks": 3, "hidden_size": 64, "n_hidden_in_made": 2},
        {"flows": 3},
    ),
    "hamiltonian-vae": ("HVAE", "HVAEConfig", {"n_lf": 3}, {"steps": 3}),
    "riemannian-hvae": ("RHVAE", "RHVAEConfig", {"n_lf": 3}, {"steps": 3}),
    "hyperspherical-vae": ("SVAE", "SVAEConfig", {}, {}),
    "poincare-vae": ("PoincareVAE", "PoincareVAEConfig", {}, {}),
    "vq-vae": ("VQVAE", "VQVAEConfig", {"num_embeddings": 512}, {}),
    "rae": ("RAE_L2", "RAE_L2_Config", {}, {}),
}
"""Of each model that pythae has too: its class, its options, and ours that mean the same."""


BESIDES = {
    "lagging-vae": "the encoder's own steps, which are not in the count of one step",
    "flow-prior-vae": "the flow's maps of single numbers, forwards and back",
    "ms-ssim-vae": "local means, variances and covariances at several scales",
    "riemannian-hvae": "a Cholesky factor, its inverse and its gradient for each row in each leap",
    "deep-vae": "convolutions of 16 channels run at a fifth of the speed of large products",
    "not-miwae": "a draw of each missing entry for each code, and its probability of being so",
}
"""What takes time beside the products, of models whose time these do not explain."""


class Operations(TorchDispatchMode):
    """Counts the floating-point operations of matrix products and convolutions."""

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def build(name: str, eager: bool) -> Estimator:
    """The untrained model in the setting that all share."""
    cls = latentry.models()[name]
    given: dict[str, Any] = {"hidden": HIDDEN, "batch_size": BATCH, "epochs": EPOCHS, "valid": 0.0}
    given |= {"latent": LATENT, "random_state": 0, "compile": not eager}
    given |= {"precision": "float32" if eager else "auto"}
    given |= PEERS[name][3] if name in PEERS else {}
    if name == "deep-vae":  # whose one width is that of each position, in every layer
        del given["hidden"]
    if name not in ("ms-ssim-vae", "not-miwae"):  # which need a likelihood of grey values
        given["likelihood"] = "bernoulli"
    return cls(**given)


def operations(est: Estimator, x: np.ndarray) -> int:
    """Floating-point operations of the matrix products of one step, forwards and back."""
    objective = est.objective()
    objective.expect(ROWS)
    rows = est.schema_.pack(x)
    numbers, c = est.number_rows(len(x)), None
    if numbers is not None:
        c = torch.from_numpy(numbers).float()[:, None]
        est.prepare(TensorSource(rows, c), None)
        c = c[:BATCH]
    rows = est.scaler_(rows[:BATCH])
    est.model_.train()
    with Operations() as counter:
        r = est.model_.infer(rows, c, objective.draws)
        for loss, _ in objective.losses(r, est.model_, torch.zeros(())):
            loss.backward(retain_graph=True)
    return counter.total


def ours(name: str, x: np.ndarray, labels: np.ndarray, eager: bool) -> dict[str, Any]:
    """Seconds of an epoch and operations of a step; what went wrong where it cannot be trained."""
    try:
        est = build(name, eager).fit(x, labels)
        at = [0.0, *(float(row["seconds"]) for row in est.history_.rows)]
        return {"seconds": statistics.median(np.diff(at)[1:]), "operations": operations(est, x)}
    except (LatentryError, RuntimeError, TypeError) as error:
        return {"failed": str(error).split("\n", 1)[0]}


def theirs(name: str, python: str, folder: Path) -> dict[str, Any]:
    """Seconds of an epoch of pythae's model."""
    model, config, fields, _ = PEERS[name]
    command = [python, str(HERE / "peers" / "pythae_models.py"), "--data", str(folder)]
    command += ["--rows", str(ROWS), "--epochs", str(EPOCHS), "--model", model, "--config", config]
    command += ["--latent", str(LATENT), "--batch", str(BATCH), "--fields", json.dumps(fields)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        return {"failed": done.stderr.strip().rsplit("\n", 1)[-1]}
    line = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": statistics.median(line["epoch_seconds"][1:]), "versions": line["versions"]}


def write(rows: dict[str, Any]) -> None:
    """Keep the figures and the table, in the order of the models."""
    RESULTS.mkdir(exist_ok=True)
    rows = {name: rows[name] for name in latentry.models() if name in rows}
    about = {"machine": machine.describe(), "date": str(datetime.date.today()), "rows": rows}
    with atomic(RESULTS / "model_speed.json") as file:
        file.write((json.dumps(about, indent=1) + "\n").encode())
    with atomic(RESULTS / "model_speed.md") as file:
        file.write(table(about).encode())


def table(about: dict[str, Any]) -> str:
    """The figures in Markdown."""
    rows = about["rows"]
    if "vae" not in rows:
        return "The VAE, which the others are held against, is not measured yet.\n"
    base = rows["vae"]["ours"]
    lines = ["# What an epoch of every model costs\n", (__doc__ or "").split("\n\n")[2] + "\n"]
    lines += [f"{about['machine']}; {about['date']}.\n"]
    lines += ["| model | seconds | of a VAE's | operations, of a VAE's | pythae / latentry |"]
    lines += ["|---|---|---|---|---|"]
    ratios = []
    for name, row in rows.items():
        mine, peer = row["ours"], row.get("theirs")
        if "failed" in mine:
            lines.append(f"| `{name}` | {mine['failed']} | | | |")
            continue
        times = mine["seconds"] / base["seconds"]
        work = mine["operations"] / base["operations"]
        beside = "" if peer is None else f"failed: {peer.get('failed')}"
        if peer and "seconds" in peer:
            ratios.append(peer["seconds"] / mine["seconds"])
            beside = f"{ratios[-1]:.2f}"
        lines.append(f"| `{name}` | {mine['seconds']:.3f} | {times:.2f} | {work:.2f} | {beside} |")
    here = [f"`{name}`: {told}" for name, told in BESIDES.items() if name in rows]
    lines.append(f"\nWhat is not explained by the products: {'; '.join(here)}.")
    if ratios:
        half = statistics.median(ratios)
        lines.append(f"\npythae's epochs take {half:.2f} times as long, in the median model.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every model, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--peers", help="the Python of the peers' virtual environment")
    parser.add_argument("--only", nargs="+", help="models, by name")
    parser.add_argument("--eager", action="store_true", help="neither compiled nor in bfloat16")
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    train = load_data("mnist", data_dir=args.data_dir)
    x, labels = train.x[:ROWS], np.asarray(train.labels)[:ROWS]
    path = RESULTS / "model_speed.json"
    rows = json.loads(path.read_text("utf-8"))["rows"] if args.only and path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "train.npy", x)
        for name in args.only or latentry.models():
            rows[name] = {"ours": ours(name, x, labels, args.eager)}
            if args.peers and name in PEERS:
                rows[name]["theirs"] = theirs(name, args.peers, Path(folder))
            print(name, json.dumps(rows[name]), file=sys.stderr, flush=True)
            write(rows)
    print((RESULTS / "model_speed.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
