"""The page that describes the HTTP API, in a browser that may ask this server alone."""

from typing import Any

import httpx
import pytest
from fakes import Serve

pytestmark = pytest.mark.page


def test_the_description_is_shown_and_tried_without_any_other_server(
    browser: Any, serve: Serve
) -> None:
    url = serve({"default": {"wool.txt": "Wool fell by 5 percent."}})
    shown = browser.new_context().new_page()
    shown.set_default_timeout(60_000)
    log: list[str] = []
    shown.on("request", lambda request: log.append(request.url))
    shown.on("pageerror", lambda error: log.append(f"error: {error}"))
    shown.goto(f"{url}docs")
    shown.click("#operations-documents-libraries_v1_libraries_get .opblock-summary")
    shown.click("text=Try it out")
    shown.click("text=Execute")
    shown.wait_for_selector(".live-responses-table .response-col_status:has-text('200')")
    shown.context.close()
    assert [entry for entry in log if not entry.startswith((url, "data:"))] == []


def test_the_page_leads_to_it(window: Any, serve: Serve) -> None:
    shown = window(serve({"default": {"wool.txt": "Wool fell by 5 percent."}}))
    shown.click("[role=tab] >> text=Library")
    with shown.context.expect_page() as opened:
        shown.click("text=HTTP API")
    opened.value.wait_for_selector("#swagger-ui")


def test_nothing_else_lies_below_the_description(serve: Serve) -> None:
    url = serve({"default": {"wool.txt": "Wool fell by 5 percent."}})
    assert httpx.get(f"{url}docs/../pyproject.toml").status_code == 404
    assert httpx.get(f"{url}docs/redoc.standalone.js").status_code == 404
    assert "default-src 'self'" in httpx.get(f"{url}docs").headers["content-security-policy"]
