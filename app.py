"""The page: `python app.py` is `rag serve`, with the same options."""

from rag.cli.entry import run

if __name__ == "__main__":
    run("serve")
