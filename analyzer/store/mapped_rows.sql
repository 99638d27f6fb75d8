-- One table more, made together with those of page_rows.sql, by whichever is needed first.

-- What was counted for one stack of what programs map by themselves, as table site has it of the heap: bytes are address
-- space, and the peak is that of all mappings together. Nothing of it is in table site, nor in the totals of runs.
CREATE TABLE IF NOT EXISTS mapped_site (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL},
    line INTEGER, leaf INTEGER,
    {measures: # INTEGER NOT NULL},
    smallest INTEGER NOT NULL, largest INTEGER NOT NULL,
    sizes BLOB, lifetimes BLOB,
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;
