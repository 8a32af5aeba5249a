"""The graph of vectors, which finds the nearest without comparing all.   [pgvector]"""

from rag.library.postgres.database import PostgresDatabase
from rag.library.postgres.schema import LOCK

# Of fewer passages all are compared, which takes less than 40 ms and misses none.
GRAPH_FROM = 50_000
_MOST_DIMENSIONS = 4000  # that a graph of half-precision vectors takes
_MEMORY = "1GB"  # for making a graph: it holds a million vectors of 384 numbers


def has_graph(database: PostgresDatabase) -> bool:
    """Return whether there is a graph of the library's vectors, whole."""
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    rows = database.query(query, (_graph_name(database),))
    return bool(rows and rows[0][0])


def make_graph(database: PostgresDatabase) -> None:
    """Make the graph where there are vectors enough and none is there; others go on meanwhile."""
    query = "SELECT passages >= %s AND dimension <= %s FROM index_sizes"
    (enough,) = database.query(query, (GRAPH_FROM, _MOST_DIMENSIONS))[0]
    if not enough or has_graph(database):
        return
    name, table = _graph_name(database), f"passages_{database.workspace}"
    with database.server.owning() as raw:
        # Whoever comes second finds it made.
        raw.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, -database.workspace])
        if not has_graph(database):
            raw.execute(f"DROP INDEX IF EXISTS {name}")
            raw.execute(f"SET maintenance_work_mem = '{_MEMORY}'")
            raw.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw (embedding halfvec_ip_ops)"
            )
        raw.execute(f"ANALYZE {table}")


def _graph_name(database: PostgresDatabase) -> str:
    return f"passages_{database.workspace}_graph"
