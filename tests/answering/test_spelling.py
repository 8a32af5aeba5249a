from rag.answering.spelling import correct

KNOWN = {"when", "was", "the", "study", "finished", "colours"}


def nearest(word: str) -> str:
    return {"tunel": "tunnel", "finnished": "finished"}.get(word, "")


def test_a_word_that_nobody_knows_is_read_as_the_nearest_one_and_this_is_told() -> None:
    question, notes = correct("When was the tunel study finnished?", KNOWN.__contains__, nearest)
    assert question == "When was the tunnel study finished?"
    assert notes == (
        "No document has “tunel”; searched for “tunnel”.",
        "No document has “finnished”; searched for “finished”.",
    )


def test_what_is_known_short_or_like_nothing_stays() -> None:
    for question in ("When was the study finished?", "Is Alb open?", "What is a Zwxvut?"):
        assert correct(question, KNOWN.__contains__, nearest) == (question, ())
