-- A table created together with those of page_rows.sql, when the first row of any of them is written.

-- What was counted for one stack of memory that programs map by themselves, in the columns that table site has for the
-- heap. Bytes are address space, and the peak is that of all mappings together. None of it is in table site or in the
-- totals of runs.
CREATE TABLE IF NOT EXISTS mapped_site (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL},
    line INTEGER, leaf INTEGER,
    {measures: # INTEGER NOT NULL},
    smallest INTEGER NOT NULL, largest INTEGER NOT NULL,
    sizes BLOB, lifetimes BLOB,
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;
