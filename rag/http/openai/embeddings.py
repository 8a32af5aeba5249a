"""`/v1/embeddings`: the vectors of the embedding model that searches.   [fastapi]"""

import base64
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field

from rag.http.openai.shared import ANY_LIBRARY, MAX_MESSAGE, count_tokens
from rag.service.service import Service

_MAX_TEXTS = 256  # of a request: some seconds of work on two cores

_Text = Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE)]


class EmbeddingRequest(BaseModel):
    """Texts to embed; what is longer than the model reads is cut.

    Other options of OpenAI's API are taken and have no effect.
    """

    model_config = {
        "json_schema_extra": {"examples": [{"model": ANY_LIBRARY, "input": "Trade grew in May."}]}
    }

    model: Annotated[
        str, Field(max_length=100, description="any name: there is one embedding model")
    ]
    input: _Text | Annotated[list[_Text], Field(min_length=1, max_length=_MAX_TEXTS)]
    encoding_format: Literal["float", "base64"] = "float"


def add_embedding_routes(app: FastAPI, service: Service) -> None:
    """Add the route of embeddings to the application."""

    @app.post("/v1/embeddings", tags=["openai"])
    def embeddings(asked: EmbeddingRequest) -> dict[str, Any]:
        """Return the unit vectors of texts, by the embedding model of the server."""
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        embedder = service.models.embedder
        vectors = embedder.encode(texts)
        # Both libraries of OpenAI ask for base64 of little-endian float32 unless told otherwise.
        rows: list[Any] = (
            [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
            if asked.encoding_format == "base64"
            else vectors.tolist()
        )
        tokens = count_tokens(service, texts)
        return {
            "object": "list",
            "model": embedder.name,
            "data": [
                {"object": "embedding", "index": number, "embedding": row}
                for number, row in enumerate(rows)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
