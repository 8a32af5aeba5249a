"""Low-rank adapters for models whose own weights stay as they are.

Nothing at run time imports this module. They are LoRA (Hu et al. 2021, arXiv:2106.09685): beside
the matrix of a linear layer stand two narrow ones, `down` and `up`, whose product is added to it.
"""

import math
from collections.abc import Mapping

import torch
from torch import nn

SCALE = 2.0  # of the product while it is trained; what is kept has it in `up`


class Adapted(nn.Module):
    """A linear layer with a low-rank addition, zero at the start."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(
            torch.randn(rank, layer.in_features) / math.sqrt(layer.in_features)
        )
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        down, up = self.down.to(states.dtype), self.up.to(states.dtype)
        addition = nn.functional.linear(nn.functional.linear(states, down), up)
        result: torch.Tensor = self.layer(states) + SCALE * addition
        return result


def warmed_up(
    optimizer: torch.optim.Optimizer, warm_up: int, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Return a schedule whose rate rises over the first steps, and falls to the last."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warm_up) * max(0.02, 1 - step / steps)
    )


def adapter_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the trained weights, float32.

    `….down` [rank, in] and `….up` [out, rank] of each adapted layer, by its name.
    """
    weights: dict[str, torch.Tensor] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, Adapted):
            weights |= {
                f"{name}.down": layer.down.detach().clone(),
                f"{name}.up": SCALE * layer.up.detach(),
            }
    return weights


def load_adapter(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Set the weights that `adapter_of` returned."""
    for name, layer in model.named_modules():
        if isinstance(layer, Adapted):
            layer.down.data = weights[f"{name}.down"].float()
            layer.up.data = weights[f"{name}.up"].float() / SCALE
