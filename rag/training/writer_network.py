"""The embedded language model with trainable adapters, which learns a whole example at once.

Nothing at run time imports this module.
"""

import timeit
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from rag.models.bundled import language_model_path
from rag.training.lora import Adapted, adapter_of, load_adapter
from rag.training.writer_examples import Example

_RANK = 16
_LAYERS = {
    "self_attn": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "mlp": ("gate_proj", "up_proj", "down_proj"),
}


class Answerer(nn.Module):
    """The embedded language model, its own weights fixed, with adapters in all linear layers.

    It chooses among the tokens of `vocabulary` alone (Jean et al. 2015, arXiv:1412.2007): the
    product with the whole one, of which the data has a sixth, would be a sixth of the time.
    """

    def __init__(self, vocabulary: Iterable[int]) -> None:
        super().__init__()
        from transformers import AutoModelForCausalLM

        path = language_model_path()
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(path.parent), gguf_file=path.name, dtype=_faster_type(), local_files_only=True
        )
        self.vocabulary = torch.tensor(sorted(set(vocabulary)))
        self.body = model.model
        self.register_buffer("head", model.lm_head.weight.detach()[self.vocabulary])
        self.bos = int(model.config.bos_token_id)
        self.requires_grad_(False)
        for layer in self.body.layers:
            for part, names in _LAYERS.items():
                of = getattr(layer, part)
                for name in names:
                    setattr(of, name, Adapted(getattr(of, name), _RANK))

    def forward(self, examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of all answers' tokens, and the tokens' places in the vocabulary.

        The logits are float32 [tokens, vocabulary], the places int64 [tokens].
        """
        packed = [_packed(example, self.bos) for example in examples]
        width = max(len(ids) for ids, *_ in packed)
        ids, positions, branches, wanted = (
            torch.stack(
                [
                    nn.functional.pad(row, (0, width - len(row)), value=-1 if kind == 2 else 0)
                    for row in rows
                ]
            )
            for kind, rows in enumerate(zip(*packed, strict=True))
        )
        # A token sees the sources and what stands before it in its own branch.
        seen = (branches[:, :, None] == branches[:, None, :]) | (branches[:, None, :] == 0)
        mask = torch.zeros(seen.shape, dtype=self.head.dtype).masked_fill(
            ~seen.tril(), float("-inf")
        )[:, None]
        states = self.body(
            input_ids=ids,
            position_ids=positions,
            attention_mask={"full_attention": mask, "sliding_attention": mask},
            use_cache=False,
        ).last_hidden_state
        # Flat, since for more dimensions the product with the vocabulary would copy its matrix each
        # time.
        logits = nn.functional.linear(states[:, :-1][wanted[:, 1:]], self.head).float()
        return logits, torch.searchsorted(self.vocabulary, ids[wanted])

    def load(self, adapter: Mapping[str, torch.Tensor]) -> None:
        """Take over the weights that `adapter` gave."""
        load_adapter(
            self.body, {name.removeprefix("model."): weights for name, weights in adapter.items()}
        )

    def adapter(self) -> dict[str, torch.Tensor]:
        """Return the trained weights, float32, by the names of their layers.

        The scale is in `up`.
        """
        return {f"model.{name}": weights for name, weights in adapter_of(self.body).items()}


def _faster_type() -> torch.dtype:
    """Return the type in which this processor multiplies faster: bfloat16 or float32.

    bfloat16 is several times faster where the processor has it, and much slower elsewhere.
    """
    states, matrix = torch.ones(512, 640), torch.ones(2048, 640)

    def seconds(dtype: torch.dtype) -> float:
        a, b = states.to(dtype), matrix.to(dtype)
        return min(timeit.repeat(lambda: nn.functional.linear(a, b), number=3, repeat=3))

    return min((torch.bfloat16, torch.float32), key=seconds)


def _packed(
    example: Example, bos: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the tokens of an example, their positions, branches and whether they are an answer's.

    Each is [tokens]. Branch 0 is that of the sources, the others those of the questions.
    """
    ids = [bos, *example.sources]
    positions, branches, wanted = list(range(len(ids))), [0] * len(ids), [False] * len(ids)
    behind = len(ids)
    for branch, asked in enumerate(example.asked, 1):
        tokens = [*asked.question, *asked.answer]
        ids += tokens
        positions += range(behind, behind + len(tokens))
        branches += [branch] * len(tokens)
        wanted += [False] * len(asked.question) + [True] * len(asked.answer)
    return torch.tensor(ids), torch.tensor(positions), torch.tensor(branches), torch.tensor(wanted)
