"""The HTTP API, OpenAI's shape and the Model Context Protocol."""
