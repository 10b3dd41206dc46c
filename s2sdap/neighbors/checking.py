"""Whether the values of an index are still those that were committed: every block against its checksum."""

from collections.abc import Callable

from s2sdap.neighbors.columns import digest_of, states_of
from s2sdap.neighbors.manifest import Table
from s2sdap.neighbors.sentences import sentences_digest, sentences_of
from s2sdap.neighbors.store import SENTENCES, StateStore, opened_dataset, reading


def check_values(store: StateStore, watch: Callable[[int, int], None] | None = None) -> int:
    """Read all of an index. `watch` hears how many rows were read, of how many. Returns the rows.

    Lance finds many flipped bits by itself, but not those of the numbers; these checksums do.

    Raises:
        S2sdapError: `index_damaged`.
    """
    tables: list[tuple[str, Table]] = [(SENTENCES, store.manifest.sentences)]
    tables += [(each.site, each) for each in store.manifest.sites]
    total, read = sum(table.rows for _, table in tables), 0
    for name, table in tables:
        if not table.version:
            continue
        with reading(store.place, name):
            dataset = opened_dataset(store.place, name, table.version)
            start = 0
            for rows, digest in table.blocks:
                block = dataset.to_table(offset=start, limit=rows) if rows else dataset.schema.empty_table()
                found = (
                    sentences_digest(sentences_of(block))
                    if name == SENTENCES
                    else digest_of(states_of(block))
                )
                if found != digest:
                    raise ValueError(f"rows {start} to {start + rows - 1} are not those that were written")
                start += rows
                read += rows
                if watch is not None:
                    watch(read, total)
    return read
