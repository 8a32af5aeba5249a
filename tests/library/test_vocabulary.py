import pytest
from fakes import PipelineWith

TEXT = "The Bridge\n\nThe tunnel study was finished in November. Cyclists asked for paths."


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("tunel", "tunnel"),
        ("Finnished", "finished"),
        ("cyclsts", "cyclists"),
        ("helicopter", ""),
        ("tunnels", "tunnel"),
        ("zz", ""),
    ],
)
def test_the_nearest_word_is_one_of_the_documents(
    word: str, nearest: str, pipeline_with: PipelineWith
) -> None:
    assert pipeline_with({"bridge.txt": TEXT}).library.nearest_word(word) == nearest


def test_a_word_is_held_in_any_form_and_in_a_title(pipeline_with: PipelineWith) -> None:
    library = pipeline_with({"bridge.txt": TEXT}).library
    assert all(map(library.holds, ("Tunnels", "finishing", "bridges")))
    assert not library.holds("helicopter")
    assert not library.holds('"')
