"""The errors a user can meet, one tree."""


class RagError(Exception):
    """Anything a user can meet.

    The message is one sentence: what was found, what was expected, what to do next.
    """

    exit_code = 2


class UsageError(RagError):
    """The request itself is off.

    An empty question, an unknown library, a path that does not exist.
    """


class DocumentError(RagError):
    """A file cannot be read as a document; the other files go on."""

    exit_code = 1


class LibraryError(RagError):
    """The library is damaged, locked, or was built with another embedding model."""

    exit_code = 4


class ModelError(RagError):
    """A model is missing, damaged or unreadable."""

    exit_code = 4


class NotFoundError(UsageError):
    """What the request names is not there."""


class BusyError(RagError):
    """More is asked for than can be done now."""

    exit_code = 4


class LateError(RagError):
    """A question took longer than it may."""

    exit_code = 4


class StoppedError(RagError):
    """The asker has left, or the server ends."""

    exit_code = 4
