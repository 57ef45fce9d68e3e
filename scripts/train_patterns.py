"""Train the small network that ships: ``python scripts/train_patterns.py``.

Draws pictures (`resnet_viz.images`), trains `patterns.SPEC` on them, prints how well it does
on fresh pictures of several sizes, and writes ``resnet_viz/data/patterns.safetensors``. Takes
about ten minutes on a processor core that multiplies bfloat16 itself (AVX-512 BF16 or AMX); on
others ``--float32`` is quicker.

The same machine, packages, seed and number of threads give the same file, byte for byte. Other
machines sum in another order: there the values differ, and the accuracy by some tenths of a
per cent.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from resnet_viz.images.drawn_patterns import (  # noqa: E402
    CLASSES,
    FIRST_FRESH_SEED,
    INPUT,
    SPEC,
    pictures,
)
from resnet_viz.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from resnet_viz.network.model import ResNet, build_model  # noqa: E402
from resnet_viz.weights.shipped_weights import pattern_weights_path  # noqa: E402

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Pools = Mapping[int, tuple[Pixels, Labels]]  # by the side of the pictures, in pixels

JUDGED_SIDES: Final = (64, 48, 96, 128)
"""Pixels along a side of the fresh pictures; the first is what the network is made for."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        seed: Of the first weights, and of which pictures come when.
        drawn: Pictures drawn of each class, by their side in pixels; they come again mirrored,
            turned, recoloured, and made smaller.
        steps: Batches.
        batch: Pictures in a batch; of pictures larger than `INPUT`, no more pixels than that.
        early_sides: Pixels along a side, one drawn for each batch; small ones are quick.
        late_sides: The same in the last part of the training.
        late: Which part of the steps that is.
        rate: The highest learning rate.
        decay: Weight decay.
        smoothing: Label smoothing.
        bfloat16: Multiply with 8 bits of precision; the values themselves stay float32.
    """

    seed: int = 0
    drawn: Mapping[int, int] = field(default_factory=lambda: {64: 1500, 128: 250})
    steps: int = 1700
    batch: int = 64
    early_sides: tuple[int, ...] = (40, 48, 64, 96)
    late_sides: tuple[int, ...] = (48, 64, 64, 96, 128, 128)
    late: float = 0.35
    rate: float = 0.15
    decay: float = 5e-4
    smoothing: float = 0.05
    bfloat16: bool = True


def normalised(pixels: Pixels) -> Tensor:
    """Pictures ``[N, H, W, 3]`` as `preparation.prepare` hands them over: ``[N, 3, H, W]``."""
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (IMAGENET_MEAN, IMAGENET_STD))
    return (values - mean) / deviation


def varied(pixels: Pixels, random: Generator) -> Pixels:
    """Each picture mirrored or turned, its colours exchanged or inverted, or as it was.

    None of it changes the class: `patterns` draws every direction and every colour.
    """
    pixels = pixels.copy()
    for flipped in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        chosen = random.random(len(pixels)) < 0.5
        pixels[chosen] = pixels[chosen][flipped]
    chosen = random.random(len(pixels)) < 0.5
    pixels[chosen] = pixels[chosen].swapaxes(1, 2)
    order = random.permuted(np.tile(np.arange(3), (len(pixels), 1)), axis=1)
    pixels = np.take_along_axis(pixels, order[:, None, None, :], axis=3)
    chosen = random.random(len(pixels)) < 0.5
    pixels[chosen] = 255 - pixels[chosen]
    return pixels


def drawn_pools(recipe: Recipe) -> Pools:
    """The pictures to train on."""
    return {side: pictures(range(count), side) for side, count in recipe.drawn.items()}


def in_turn(count: int, random: Generator) -> Iterator[int]:
    """Indices below `count` without end: each once in an order of chance, then all again."""
    while True:
        yield from random.permutation(count).tolist()


def batches(pools: Pools, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """`recipe.steps` batches ``[N, 3, side, side]`` with their labels ``[N]``."""
    random = Generator(PCG64(recipe.seed))
    turns = {side: in_turn(len(labels), random) for side, (_, labels) in pools.items()}
    for step in range(recipe.steps):
        late = step >= round(recipe.steps * (1 - recipe.late))
        side = int(random.choice(recipe.late_sides if late else recipe.early_sides))
        # Made smaller, never larger: enlarged pictures lack the finest detail.
        native = min(drawn for drawn in pools if drawn >= side)
        pixels, labels = pools[native]
        count = round(recipe.batch * min(1.0, (INPUT.height / side) ** 2))
        chosen = list(islice(turns[native], count))
        values = normalised(varied(pixels[chosen], random))
        if side != native:
            values = F.interpolate(values, size=(side, side), mode="bilinear", antialias=True)
        yield values, torch.from_numpy(labels[chosen])


def train(recipe: Recipe, pools: Pools) -> tuple[ResNet, list[float]]:
    """The trained network, in evaluation mode, and the loss of each step.

    SGD with Nesterov momentum; the learning rate rises for three tenths of the steps and falls
    to almost nothing ("one cycle", Smith 2018, arXiv 1803.09820).
    """
    model = build_model(SPEC, seed=recipe.seed).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        model.parameters(), recipe.rate, momentum=0.9, weight_decay=recipe.decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps)
    losses: list[float] = []
    start = time.monotonic()
    for values, targets in batches(pools, recipe):
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits = model(values.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=recipe.smoothing)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if len(losses) % 100 == 0:
            seconds = time.monotonic() - start
            print(f"step {len(losses)}: loss {np.mean(losses[-100:]):.3f}, {seconds:.0f} s")
    return model.eval(), losses


def accuracies(model: ResNet, pixels: Pixels, labels: Labels) -> NDArray[np.float64]:
    """The part of each class's pictures that the network names rightly: ``[classes]``."""
    with torch.inference_mode():
        logits = [model(normalised(part)) for part in np.array_split(pixels, len(pixels) // 50 + 1)]
    right = torch.cat(logits).argmax(dim=1).numpy() == labels
    return np.array([right[labels == label].mean() for label in range(len(CLASSES))])


def judged(model: ResNet, side: int, seeds: range) -> dict[str, float]:
    """The accuracy on fresh pictures, over all classes and of the weakest one; printed too."""
    parts = accuracies(model, *pictures(seeds, side))
    weakest = CLASSES[int(parts.argmin())]
    print(
        f"{side} x {side}: {parts.mean():.2%} of {len(seeds) * len(CLASSES):,} fresh pictures; "
        f"weakest: {weakest}, {parts.min():.2%}"
    )
    return {"accuracy": round(float(parts.mean()), 4), "weakest": round(float(parts.min()), 4)}


def save(model: ResNet, path: Path, facts: dict[str, object]) -> None:
    """Write the network's values, with `facts` as JSON under one key of the file's metadata.

    One key, because safetensors writes several in an order of chance.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, path, {"patterns": json.dumps(facts)})
    print(f"{path.stat().st_size:,} bytes written to {path.name}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=pattern_weights_path(), help="the file to write"
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--drawn", type=int, help="pictures of each class, for each side")
    parser.add_argument("--fresh", type=int, default=150, help="fresh pictures of each class")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="without bfloat16")
    given = parser.parse_args(arguments)

    torch.set_num_threads(given.threads)
    torch.use_deterministic_algorithms(True)
    recipe = Recipe(seed=given.seed, steps=given.steps, bfloat16=not given.float32)
    if given.drawn is not None:
        recipe = replace(recipe, drawn=dict.fromkeys(recipe.drawn, given.drawn))
    print(f"drawing {sum(recipe.drawn.values()) * len(CLASSES):,} pictures", flush=True)
    model, _ = train(recipe, drawn_pools(recipe))
    seeds = range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + given.fresh)
    facts = {
        "classes": CLASSES,
        "seed": recipe.seed,
        "steps": recipe.steps,
        "fresh_pictures": len(seeds) * len(CLASSES),
        "sides": {str(side): judged(model, side, seeds) for side in JUDGED_SIDES},
    }
    save(model, given.out, facts)


if __name__ == "__main__":
    main()
