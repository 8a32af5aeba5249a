"""Ask many questions and write one line of JSON for each answer.

    python examples/batch.py samples questions.txt answers.jsonl

`questions.txt` holds one question a line. `rag ask --batch` does the same from the command line,
with histories and every field of the answer.
"""

import json
import sys
from pathlib import Path

from rag import open_library


def main(name: str, questions: str, answers: str) -> None:
    """Answer each line of the file `questions` and write the answers to the file `answers`."""
    lines = Path(questions).read_text(encoding="utf-8").splitlines()
    with open_library(name) as library, Path(answers).open("w", encoding="utf-8") as out:
        for question in filter(None, map(str.strip, lines)):
            answer = library.ask(question)
            record = {
                "question": question,
                "answer": answer.answer,
                "abstained": answer.abstained,
                "quotes": [citation.quote for citation in answer.citations],
            }
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
