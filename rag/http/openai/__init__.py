"""The library in the form of OpenAI's API, so that programs made for that can ask it."""
