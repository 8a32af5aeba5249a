"""The tables of a team's libraries in PostgreSQL, and the statements that make them. Pure.

They are those of `rag/library/sqlite/schema.py`, so that the same SQL serves both, and each row
has the workspace that it is of. A workspace is a library. Row-level security shows a connection
the rows of the workspace that it has set, and no others; `workspaces` alone is open, since it
holds names only.
"""

SCHEMA = "rag"
ROLE = "rag_app"  # of connections that row-level security would not hold back else
LOCK = 0x52414731  # "RAG1": the first half of the advisory locks

_OWN = f"workspace integer NOT NULL DEFAULT {SCHEMA}.current_workspace()"
_OF_WORKSPACE = f"{_OWN} REFERENCES workspaces ON DELETE CASCADE"
_PART_OF_DOCUMENT = f"""document bigint NOT NULL REFERENCES documents ON DELETE CASCADE, {_OWN},
    position bigint NOT NULL"""

_STORE_TABLES = f"""
CREATE TABLE workspaces (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE
);
CREATE FUNCTION current_workspace() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('rag.workspace', true), '')::integer;
CREATE TABLE settings (
    {_OF_WORKSPACE} PRIMARY KEY, embedder text NOT NULL, dimension integer NOT NULL,
    generation bigint NOT NULL, stamp text NOT NULL
);
CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {_OF_WORKSPACE},
    name text COLLATE "C" NOT NULL, file text NOT NULL, path text COLLATE "C" NOT NULL,
    sha256 text NOT NULL, title text NOT NULL, dateline text NOT NULL,
    date text COLLATE "C" NOT NULL, text text NOT NULL, number text NOT NULL,
    language text NOT NULL, boxes bytea NOT NULL, facts text NOT NULL, struck text NOT NULL,
    UNIQUE (workspace, name)
);
-- A path may be longer than an index entry.
CREATE UNIQUE INDEX document_paths ON documents (workspace, md5(path));
CREATE INDEX document_places ON documents USING hash (path);
CREATE INDEX document_contents ON documents (workspace, sha256);
CREATE INDEX document_languages ON documents (workspace, language);
CREATE TABLE document_digests (
    document bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE, {_OWN},
    digest bytea NOT NULL
);
CREATE TABLE sections (
    {_PART_OF_DOCUMENT}, heading text NOT NULL, path text NOT NULL, start bigint NOT NULL,
    "end" bigint NOT NULL, PRIMARY KEY (document, position)
);
CREATE TABLE paragraphs (
    {_PART_OF_DOCUMENT}, number bigint NOT NULL, kind text NOT NULL, section bigint NOT NULL,
    start bigint NOT NULL, "end" bigint NOT NULL, PRIMARY KEY (document, position)
);
CREATE TABLE quotations (
    {_PART_OF_DOCUMENT}, start bigint NOT NULL, "end" bigint NOT NULL, speaker text NOT NULL,
    lead_in text NOT NULL, note text NOT NULL, PRIMARY KEY (document, position)
);
CREATE TABLE "references" (
    {_PART_OF_DOCUMENT}, number text NOT NULL, start bigint NOT NULL, "end" bigint NOT NULL,
    PRIMARY KEY (document, position)
);
CREATE TABLE notes (
    {_PART_OF_DOCUMENT}, number text NOT NULL, text text NOT NULL, start bigint NOT NULL,
    "end" bigint NOT NULL, PRIMARY KEY (document, position)
);
CREATE TABLE tables (
    {_PART_OF_DOCUMENT}, start bigint NOT NULL, "end" bigint NOT NULL, heads text NOT NULL,
    head_rows bigint NOT NULL, cells bytea NOT NULL, PRIMARY KEY (document, position)
);
CREATE TABLE chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document bigint NOT NULL REFERENCES documents ON DELETE CASCADE, {_OWN},
    number bigint NOT NULL, section text NOT NULL, paragraph bigint NOT NULL,
    start bigint NOT NULL, "end" bigint NOT NULL, text text NOT NULL, context text NOT NULL,
    language text NOT NULL, UNIQUE (document, number)
);
CREATE TABLE chunk_digests (
    chunk bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, {_OWN}, digest bytea NOT NULL
);
CREATE TABLE vectors (
    chunk bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, {_OWN}, vector bytea NOT NULL
);
ALTER TABLE vectors ALTER COLUMN vector SET STORAGE EXTERNAL;
CREATE TABLE speakers (
    chunk bigint NOT NULL REFERENCES chunks ON DELETE CASCADE, {_OWN},
    speaker text COLLATE "C" NOT NULL, PRIMARY KEY (chunk, speaker)
);
CREATE INDEX speaker_names ON speakers (workspace, speaker);
CREATE TABLE pending ({_OWN}, key bytea NOT NULL, vector bytea NOT NULL,
    PRIMARY KEY (workspace, key));
CREATE TABLE conversations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {_OF_WORKSPACE}, name text NOT NULL,
    begun text COLLATE "C" NOT NULL, changed text COLLATE "C" NOT NULL,
    digest bytea NOT NULL DEFAULT ''
);
CREATE INDEX conversation_changes ON conversations (workspace, changed);
CREATE TABLE turns (
    conversation bigint NOT NULL REFERENCES conversations ON DELETE CASCADE, {_OWN},
    position bigint NOT NULL, question text NOT NULL, answer text NOT NULL,
    digest bytea NOT NULL DEFAULT '', PRIMARY KEY (conversation, position)
);
CREATE TABLE unanswered (
    {_OWN}, question text COLLATE "C" NOT NULL, asked text COLLATE "C" NOT NULL,
    reason text NOT NULL, answered text NOT NULL
);
CREATE UNIQUE INDEX unanswered_questions
    ON unanswered (workspace, md5(question));
CREATE TABLE source_files ({_OWN}, sha256 text NOT NULL, data bytea NOT NULL,
    PRIMARY KEY (workspace, sha256));
ALTER TABLE source_files ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE VIEW listing WITH (security_invoker = true) AS SELECT
    name, file, path, sha256, title, date,
    (SELECT count(*) FROM paragraphs p WHERE p.document = d.id AND p.number > 0) AS paragraphs,
    (SELECT count(*) FROM chunks c WHERE c.document = d.id) AS chunks
FROM documents d;
"""

# What the index has still to take in: documents whose passages came or went. A row says no more
# than "look again", so that it may be taken in twice and in any order.
_OUTBOX_TABLES = f"""
CREATE TABLE outbox ({_OWN}, document bigint NOT NULL, PRIMARY KEY (workspace, document));
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO {SCHEMA}.outbox (workspace, document)
        SELECT DISTINCT workspace, document FROM changed ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER chunks_added AFTER INSERT ON chunks REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_change();
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_change();
CREATE TABLE index_sizes ({_OWN} PRIMARY KEY, dimension integer NOT NULL,
    passages bigint NOT NULL, tokens bigint NOT NULL);
"""

_SHIELDED = (
    "settings documents document_digests sections paragraphs quotations references notes tables "
    "chunks chunk_digests vectors speakers pending conversations turns unanswered source_files "
    "outbox index_sizes".split()
)
_SHIELD = "".join(
    f"""
ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON "{table}" USING (workspace = {SCHEMA}.current_workspace());
"""
    for table in _SHIELDED
)

POSTGRES_MIGRATIONS = {
    1: f"{_STORE_TABLES}{_OUTBOX_TABLES}{_SHIELD}"
}  # the format reached -> what reaches it
POSTGRES_FORMAT = max(POSTGRES_MIGRATIONS)

# A role that owns nothing and passes no policy, for users whom policies would not hold back. Where
# the user may make no role it is an owner like any other, whom FORCE holds back.
GRANTS = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')
        AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
    THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        GRANT USAGE ON SCHEMA {SCHEMA} TO {ROLE};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {ROLE};
    END IF;
END $$;
"""


def index_tables(workspace: int, dimension: int) -> str:
    """Return the statements that make the index of a library, empty.

    These tables have no row-level security: PostgreSQL would not use a full-text index below it,
    since such operators may tell of rows that are not to be seen. Each library has tables of its
    own instead, named by its number, and what they find is looked up in `chunks`, which has it.
    """
    return f"""
CREATE TABLE passages_{workspace} (
    chunk bigint PRIMARY KEY, document bigint NOT NULL, date text COLLATE "C" NOT NULL,
    section_words text[] NOT NULL, speakers text[] NOT NULL, length integer NOT NULL,
    words tsvector NOT NULL, embedding halfvec({dimension}) NOT NULL
) WITH (toast_tuple_target = 8160); -- both are read for every row that is compared
CREATE INDEX ON passages_{workspace} (document);
CREATE INDEX ON passages_{workspace} USING gin (words) WITH (fastupdate = off);
CREATE INDEX ON passages_{workspace} USING gin (section_words);
CREATE INDEX ON passages_{workspace} USING gin (speakers);
CREATE TABLE terms_{workspace} (term text COLLATE "C" PRIMARY KEY, passages bigint NOT NULL);
"""
