"""`/docs`: the description of the HTTP API as a page, from files that are here.   [fastapi]"""

from importlib.resources import files
from typing import Annotated

from fastapi import FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse, Response

OPENAPI = "/v1/openapi.json"
_OPENAPI_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>HTTP API: ask your reports</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without an address of a validator nothing is sent to one.
_START_SCRIPT = (
    f'SwaggerUIBundle({{url: "{OPENAPI}", dom_id: "#swagger-ui", validatorUrl: null}});\n'
)
_FILE_TYPES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def add_openapi_page(app: FastAPI) -> None:
    """Add the page and its files to the application."""

    @app.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(_OPENAPI_PAGE)

    @app.get("/docs/{name}", include_in_schema=False)
    def file(name: Annotated[str, Path(max_length=100)]) -> Response:
        if name == "start.js":
            return Response(_START_SCRIPT, media_type="text/javascript")
        if name not in _FILE_TYPES:
            raise HTTPException(404, "There is nothing here; /docs describes the HTTP API.")
        data = files("fastapi_offline").joinpath("static", name).read_bytes()
        return Response(data, media_type=_FILE_TYPES[name])
