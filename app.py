"""The page: `python app.py` is `rag serve`, with the same options."""

import sys

from rag.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
