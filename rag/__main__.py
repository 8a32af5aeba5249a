from rag.cli.entry import run

run()
