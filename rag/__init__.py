"""Questions over reports, answered offline with footnotes that open the exact words of the source."""
