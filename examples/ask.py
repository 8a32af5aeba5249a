"""Ask a library a question and print the answer with its footnotes.

    python examples/ask.py samples "Which student found the mistake in the Osk salinity model?"

The first argument is the name of a library that `rag add --library NAME` has made.
"""

import sys

from rag import open_library


def main(name: str, question: str) -> None:
    """Print the answer, then one line of proof for each footnote."""
    with open_library(name) as library:
        answer = library.ask(question)
        if answer.abstained:
            print(answer.declined, "Closest:")
            for hit in answer.hits[:3]:
                print(f"  {hit.title}, paragraph {hit.chunk.paragraph}")
        else:
            print(answer.answer)
            for citation in answer.citations:
                place = f"{citation.title}, paragraph {citation.paragraph}"
                print(f"[{citation.marker}] “{citation.quote}” ({place})")


if __name__ == "__main__":
    main(*sys.argv[1:])
