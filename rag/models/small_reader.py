"""Question + passages -> Readings by the smaller reader, which has no spans."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import cache_folder
from rag.models.bundled import EMBEDDING_MODEL, cached, check_adapter
from rag.models.embedder import CLS, POINT, PROBES, SEP, load_original, load_tokenizer
from rag.models.onnx import Session, batches, check_agreement, export_onnx
from rag.types import Passage, Reading, Vectors

SMALL_QUESTION_TOKENS, SMALL_CONTEXT_TOKENS, _MAX_READ_TOKENS = 48, 48, 384

SMALL_ADAPTER = Path(__file__).parents[1] / "data" / "reader.safetensors"
_SMALL_ADAPTER_SHA256 = "d37f74443b4260da7db2f45279cfea3f43c2bdcf9fcb7f43cdca4f19d9c0cb2b"


class SmallReader:
    """A cross-encoder over the embedding model that gives each sentence of a passage its log-odds.

    A sentence's log-odds are the mean over its tokens of a linear function of their last hidden
    states, so all sentences of a passage are weighed in one pass, each in its context.
    """

    name = f"{EMBEDDING_MODEL} reader int8"

    def __init__(self, cache: Path | None = None) -> None:
        """Load the model from the folder `cache`, by default the user's, and make it on first use.

        Raises ModelError if the model or its adapter is missing or damaged.
        """
        self._session = Session(
            cached(
                cache_folder(cache) / f"reader-{_SMALL_ADAPTER_SHA256[:12]}-int8.onnx",
                _export_reader,
            )
        )
        self._tokenizer = load_tokenizer()

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Return the reading of each passage: no span, and for its score that of the best sentence.

        A sentence beyond what the network can take in gets minus infinity.
        """
        rows, starts, spans = [], [], []
        for passage in passages:
            tokens, start, sentence_spans = self._tokens(question, passage)
            rows.append(tokens)
            starts.append(start)
            spans.append(sentence_spans)
        scores: list[Vectors] = [np.empty(0, np.float32)] * len(rows)
        for batch, ids, mask in batches(rows):
            types = (
                np.arange(ids.shape[1]) >= np.array([starts[i] for i in batch])[:, None]
            ).astype(np.int64) * mask
            per_token = self._session.run(
                {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
            )
            for row, i in enumerate(batch):
                means = [per_token[row, a:b].mean() if b > a else -np.inf for a, b in spans[i]]
                scores[i] = np.array(means, np.float32)
        return [Reading(None, float(s.max(initial=-np.inf)), s) for s in scores]

    def _tokens(
        self, question: str, passage: Passage
    ) -> tuple[list[int], int, list[tuple[int, int]]]:
        """Return `[CLS] question [SEP] context. sentences [SEP]`, and where its parts are.

        These are the token that the passage begins with, and the tokens of each sentence.
        """
        sentences = (passage.text[start:end] for start, end in passage.sentences)
        asked, about, *read = (
            encoding.ids
            for encoding in self._tokenizer.encode_batch(
                [question, passage.context, *sentences], add_special_tokens=False
            )
        )
        tokens = [CLS, *asked[:SMALL_QUESTION_TOKENS], SEP]
        start = len(tokens)
        tokens += [*about[:SMALL_CONTEXT_TOKENS], POINT] if about else []
        spans = []
        for ids in read:
            kept = ids[: max(0, _MAX_READ_TOKENS - 1 - len(tokens))]
            spans.append((len(tokens), len(tokens) + len(kept)))
            tokens += kept
        return [*tokens, SEP], start, spans


def _export_reader(target: Path) -> None:
    import torch
    from safetensors.torch import load_file

    check_adapter(SMALL_ADAPTER, _SMALL_ADAPTER_SHA256)
    adapter = load_file(SMALL_ADAPTER)
    bert: Any = load_original()[0].auto_model
    for name, layer in bert.named_modules():
        if (
            f"{name}.down" in adapter
        ):  # LoRA (Hu et al. 2021): W + up · down, its scale already in `up`
            layer.weight.data += adapter[f"{name}.up"].float() @ adapter[f"{name}.down"].float()

    class Reader(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = bert
            self.head = torch.nn.Linear(bert.config.hidden_size, 1)
            self.head.load_state_dict(
                {"weight": adapter["head.weight"].float(), "bias": adapter["head.bias"].float()}
            )

        def forward(
            self,
            input_ids: torch.Tensor,
            token_type_ids: torch.Tensor,
            attention_mask: torch.Tensor,
        ) -> torch.Tensor:
            states = self.body(
                input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask
            ).last_hidden_state
            log_odds: torch.Tensor = self.head(states).squeeze(-1)
            return log_odds

    reader = Reader().eval()
    names = ("input_ids", "token_type_ids", "attention_mask")
    export_onnx(reader, names, {0: "texts", 1: "tokens"}, target)
    features = [torch.tensor([load_tokenizer().encode(*PROBES[:2]).ids])]
    features += [
        (features[0].cumsum(1) > features[0].cumsum(1)[0, 10]).long(),
        torch.ones_like(features[0]),
    ]
    with torch.no_grad():
        expected = reader(*features).numpy()[0]
    found = Session(target).run(
        {name: value.numpy() for name, value in zip(names, features, strict=True)}
    )[0]
    check_agreement(float(found @ expected / (np.linalg.norm(found) * np.linalg.norm(expected))))
