"""The format of a library's database.

The statements that bring it from each format to the next. Pure.

`indexes/README.md` says what the tables hold.
"""

APPLICATION = 0x52414731  # "RAG1": marks a library among SQLite files

# The text of chunks stands here once more, so that a hit costs one row and not the text of its
# whole document; the word index reads it from here instead of keeping its own. AUTOINCREMENT: an id
# found by one look-up never names a newer chunk.
_FORMAT_1 = """
CREATE TABLE settings (
    one INTEGER PRIMARY KEY CHECK (one = 1), embedder TEXT NOT NULL, dimension INTEGER NOT NULL,
    generation INTEGER NOT NULL, stamp TEXT NOT NULL
) STRICT;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, file TEXT NOT NULL, sha256 TEXT NOT NULL,
    title TEXT NOT NULL,
    dateline TEXT NOT NULL, date TEXT NOT NULL, path TEXT NOT NULL UNIQUE, text TEXT NOT NULL
) STRICT;
CREATE TABLE sections (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    heading TEXT NOT NULL, path TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE paragraphs (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number INTEGER NOT NULL, kind TEXT NOT NULL, section INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE quotations (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, speaker TEXT NOT NULL, lead_in TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE "references" (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, section TEXT NOT NULL, paragraph INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    text TEXT NOT NULL, context TEXT NOT NULL, UNIQUE (document, number)
) STRICT;
CREATE VIEW listing AS SELECT
    name, file, path, sha256, title, date,
    (SELECT count(*) FROM paragraphs p WHERE p.document = d.id AND p.number > 0) AS paragraphs,
    (SELECT count(*) FROM chunks c WHERE c.document = d.id) AS chunks
FROM documents d ORDER BY name;
CREATE TABLE vectors (chunk INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    vector BLOB NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    text, context, content = 'chunks', content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words (rowid, text, context) VALUES (new.id, new.text, new.context);
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, text, context) VALUES ('delete', old.id, old.text,
    old.context);
END;
"""

# Who speaks in a chunk.
_SPEAKERS = """INSERT INTO speakers SELECT DISTINCT c.id, q.speaker FROM quotations q
    JOIN chunks c ON c.document = q.document AND c.start < q."end" AND c."end" > q.start WHERE
    q.speaker <> ''"""

# Boxes are one blob: a report of 3,000 pages has 120,000 of them, and they are only ever read
# together. The index spares a filter by section and the search for speakers the reading of every
# chunk's text.
_FORMAT_2 = f"""
ALTER TABLE documents ADD COLUMN number TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN boxes BLOB NOT NULL DEFAULT x'';
CREATE INDEX chunk_places ON chunks (document, start, "end", section);
CREATE TABLE speakers (
    chunk INTEGER NOT NULL REFERENCES chunks ON DELETE CASCADE, speaker TEXT NOT NULL,
    PRIMARY KEY (chunk, speaker)
) STRICT, WITHOUT ROWID;
{_SPEAKERS};
"""

# A half-precision vector finds what the full one finds, in half the room; `half` is a function of
# rag/library/sqlite/database.py. What was removed is named, so that who holds the vectors in memory
# or in a file need not read all of them again. Vectors of a long document that is not complete yet
# wait in `pending`, under the hash of the embedder's name and the text.
_FORMAT_3 = """
CREATE TABLE halves (chunk INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    vector BLOB NOT NULL) STRICT;
INSERT INTO halves SELECT chunk, half(vector) FROM vectors;
DROP TABLE vectors;
ALTER TABLE halves RENAME TO vectors;
CREATE TABLE pending (key BLOB PRIMARY KEY, vector BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE removed (number INTEGER PRIMARY KEY AUTOINCREMENT, chunk INTEGER NOT NULL) STRICT;
DROP TRIGGER chunk_removed;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, text, context) VALUES ('delete', old.id, old.text,
    old.context);
    INSERT INTO removed (chunk) VALUES (old.id);
END;
CREATE INDEX document_contents ON documents (sha256);
ALTER TABLE settings ADD COLUMN cache TEXT NOT NULL DEFAULT '';
ALTER TABLE settings ADD COLUMN cached INTEGER NOT NULL DEFAULT 0;
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, begun TEXT NOT NULL,
    changed TEXT NOT NULL
) STRICT;
CREATE TABLE turns (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    position INTEGER NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (conversation, position)
) STRICT, WITHOUT ROWID;
"""

# What was stored when hashes began to be kept; rag/library/sql makes the same ones. `digest` and
# `digest_rows` are functions of rag/library/sql/digests.py.
_CHUNK_DIGEST = """digest(c.number, c.section, c.paragraph, c.start, c."end", c.text, c.context,
    c.language,
    (SELECT v.vector FROM vectors v WHERE v.chunk = c.id))"""
_DOCUMENT_DIGEST = """digest(
    d.name, d.file, d.path, d.sha256, d.title, d.dateline, d.date, d.text, d.number, d.language,
    d.boxes, d.facts, d.struck,
    (SELECT digest_rows(position, heading, path, start, "end") FROM
        (SELECT * FROM sections WHERE document = d.id ORDER BY position)),
    (SELECT digest_rows(position, number, kind, section, start, "end") FROM
        (SELECT * FROM paragraphs WHERE document = d.id ORDER BY position)),
    (SELECT digest_rows(position, start, "end", speaker, lead_in, note) FROM
        (SELECT * FROM quotations WHERE document = d.id ORDER BY position)),
    (SELECT digest_rows(position, number, start, "end") FROM
        (SELECT * FROM "references" WHERE document = d.id ORDER BY position)),
    (SELECT digest_rows(position, number, text, start, "end") FROM
        (SELECT * FROM notes WHERE document = d.id ORDER BY position)),
    (SELECT digest_rows(position, start, "end", heads, head_rows, cells) FROM
        (SELECT * FROM tables WHERE document = d.id ORDER BY position)))"""
_TURN_DIGEST = "digest(conversation, position, question, answer)"
_CONVERSATION_DIGEST = "digest(id, name, begun, changed)"

# SQLite's own check reads the structure of a file, not its words: a flipped bit in a text is as
# good a text. Hashes of documents and chunks have tables of their own, since writing them into the
# rows would write the texts twice.
# The cells of a table are one blob: a sheet has hundreds of thousands, and they are only ever read
# together. The words are indexed in the form that `indexed`, a function of
# rag/text/languages.py, gives them for the language of their document.
_FORMAT_4 = f"""
ALTER TABLE documents ADD COLUMN facts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE documents ADD COLUMN struck TEXT NOT NULL DEFAULT '[]';
CREATE INDEX document_languages ON documents (language);
CREATE TABLE tables (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, heads TEXT NOT NULL,
    head_rows INTEGER NOT NULL, cells BLOB NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE chunks ADD COLUMN language TEXT NOT NULL DEFAULT '';
UPDATE chunks SET language = d.language FROM documents d
    WHERE d.id = chunks.document AND d.language <> '';
DROP TRIGGER chunk_added;
DROP TRIGGER chunk_removed;
DROP TABLE words;
CREATE VIEW indexed_chunks AS SELECT
    id, indexed(text, language) AS text, indexed(context, language) AS context FROM chunks;
CREATE VIRTUAL TABLE words USING fts5 (
    text, context, content = 'indexed_chunks', content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO words (words) VALUES ('rebuild');
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words (rowid, text, context)
    VALUES (new.id, indexed(new.text, new.language), indexed(new.context, new.language));
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, text, context) VALUES ('delete', old.id,
    indexed(old.text, old.language), indexed(old.context, old.language));
    INSERT INTO removed (chunk) VALUES (old.id);
END;
CREATE TABLE document_digests (
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, digest BLOB NOT NULL
) STRICT;
CREATE TABLE chunk_digests (
    chunk INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, digest BLOB NOT NULL
) STRICT;
ALTER TABLE turns ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE conversations ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
INSERT INTO document_digests SELECT d.id, {_DOCUMENT_DIGEST} FROM documents d;
INSERT INTO chunk_digests SELECT c.id, {_CHUNK_DIGEST} FROM chunks c;
UPDATE turns SET digest = {_TURN_DIGEST};
UPDATE conversations SET digest = {_CONVERSATION_DIGEST};
"""

# Questions without an answer, to be asked again when documents are added.
_FORMAT_5 = """
CREATE TABLE unanswered (
    question TEXT PRIMARY KEY, asked TEXT NOT NULL, reason TEXT NOT NULL, answered TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS = {
    1: _FORMAT_1,
    2: _FORMAT_2,
    3: _FORMAT_3,
    4: _FORMAT_4,
    5: _FORMAT_5,
}  # the format reached -> what reaches it from the one before
FORMAT = max(MIGRATIONS)
