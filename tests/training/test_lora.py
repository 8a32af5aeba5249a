import torch
from torch import nn

from rag.training.lora import Adapted, adapter_of, load_adapter


def test_an_adapted_layer_begins_as_it_was_and_what_is_kept_of_it_gives_the_same() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), Adapted(nn.Linear(4, 3), rank=2))
    states = torch.randn(5, 6)
    before = model[1](model[0](states))
    assert torch.equal(model(states), model[2].layer(before))

    nn.init.normal_(model[2].up)
    kept = adapter_of(model)
    assert {name: tuple(value.shape) for name, value in kept.items()} == {
        "2.down": (2, 4),
        "2.up": (3, 2),
    }
    expected = nn.functional.linear(
        before, model[2].layer.weight + kept["2.up"] @ kept["2.down"], model[2].layer.bias
    )
    assert torch.allclose(model(states), expected, atol=1e-6)


def test_a_model_that_takes_over_an_adapter_gives_the_same() -> None:
    torch.manual_seed(0)
    one, other = (nn.Sequential(Adapted(nn.Linear(4, 3), rank=2)) for _ in range(2))
    nn.init.normal_(one[0].up)
    other[0].layer.load_state_dict(one[0].layer.state_dict())
    states = torch.randn(5, 4)
    assert not torch.allclose(one(states), other(states))
    load_adapter(other, adapter_of(one))
    assert torch.allclose(one(states), other(states), atol=1e-6)
