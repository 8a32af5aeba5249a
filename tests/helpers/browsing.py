"""Two reports to ask the page about, and what a reader does there."""

from typing import Any


def ask(shown: Any, question: str) -> None:
    shown.fill("#asking textarea", question)
    shown.press("#asking textarea", "Enter")


# Long enough that the cited words are below the fold; alone in their section, so that no other
# sentence is shown with them.
FILLER = "\n\n".join(
    f"The harbour of district {n} was quiet all that year and nothing came of the plans."
    for n in range(20)
)
REPORT = "{title}\n\nIntroduction\n\n{filler}\n\nGrain\n\n{told}\n\nOther Matters\n\n{filler}\n"
TRADE = {
    "north.txt": REPORT.format(
        title="Northern Trade", told="Trade in grain rose by 30 percent in May.", filler=FILLER
    ),
    "south.txt": REPORT.format(
        title="Southern Trade", told="Trade in grain fell by 12 percent in June.", filler=FILLER
    ),
}
BOTH = "trade in grain rose or fell by percent"  # the words of both sentences: they answer it alike
NORTH = "trade in grain in May by percent"


def open_tab(shown: Any, name: str) -> None:
    shown.click(f"[role=tab] >> text={name}")
