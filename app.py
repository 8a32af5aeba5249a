"""The page: `python app.py` is `rag serve`, with the same options."""

from rag.cli.entry import run_and_exit

if __name__ == "__main__":
    run_and_exit("serve")
