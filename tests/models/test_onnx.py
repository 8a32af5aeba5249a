"""What making and running an ONNX file leaves of the process's own settings."""

import logging
import os
import warnings

import pytest

from rag.models import onnx
from rag.models.llm import _set_for_import


def test_what_the_exporter_warns_of_is_not_shown_and_logging_stays_as_it_was(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # those of pytest, without which one is made
    before = (root.level, list(root.filters), list(warnings.filters))
    with onnx._quiet():
        warnings.warn("superseded", stacklevel=1)
        logging.warning("prepare it")  # as the quantizer does
    assert capfd.readouterr() == ("", "")
    assert (root.level, root.filters, warnings.filters) == before
    assert root.handlers == []
    with pytest.warns(UserWarning, match="seen"):
        warnings.warn("seen", stacklevel=1)


def test_variables_are_set_for_an_import_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS_SET", "by the user")
    monkeypatch.delenv("OURS_UNSET", raising=False)
    before = dict(os.environ)
    with _set_for_import({"OURS_SET": "by us", "OURS_UNSET": "by us"}):
        assert (os.environ["OURS_SET"], os.environ["OURS_UNSET"]) == ("by the user", "by us")
    assert dict(os.environ) == before
