"""The errors a user can meet, one tree.

    RagError                        exit code 2 unless another is named
    ├── UsageError                  the request itself is off
    ├── NotFoundError               what the request names is not there
    ├── DocumentError               1: a file cannot be read as a document
    ├── LibraryError                4: a library is damaged, or built with another model
    │   ├── LibraryLockedError      another process is writing to it
    │   └── LibraryReadOnlyError    it cannot be written to
    ├── ModelError                  4: a model is missing, damaged or unreadable
    ├── ServerError                 4: a running server gave no answer
    ├── BusyError                   4: more is asked for than can be done now
    ├── TimedOutError               4: a question took longer than it may
    └── StoppedError                4: a question was stopped before its answer was whole

Whoever catches one decides by its class, never by its message.
"""


class RagError(Exception):
    """Any error that a user can see.

    The message is one sentence: what was found, what was expected, what to do next.
    """

    exit_code = 2  # of the command line


class UsageError(RagError):
    """The request itself is wrong: an empty question, a path that does not exist, a bad option."""


class NotFoundError(RagError):
    """What the request names is not there: a library, a document, a page, a conversation."""


class DocumentError(RagError):
    """A file cannot be read as a document; the other files go on."""

    exit_code = 1


class LibraryError(RagError):
    """The library is missing, damaged, or was built with another embedding model."""

    exit_code = 4


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""


class LibraryReadOnlyError(LibraryError):
    """The library cannot be written to."""


class ModelError(RagError):
    """A model is missing, damaged or unreadable."""

    exit_code = 4


class ServerError(RagError):
    """A running server gave no answer; its client answers without it."""

    exit_code = 4


class BusyError(RagError):
    """More is asked for than can be done now."""

    exit_code = 4


class TimedOutError(RagError):
    """A question took longer than it may."""

    exit_code = 4


class StoppedError(RagError):
    """A question was stopped: nobody waits for its answer any more, or the server ends."""

    exit_code = 4
