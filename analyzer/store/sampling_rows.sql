-- Of runs of which only a sample of the blocks was taken. The tables are created with their first row: most runs are exact.
-- What the other tables say of such a run are estimates already: each block that was taken stands for several.

CREATE TABLE IF NOT EXISTS sampling (
    run INTEGER PRIMARY KEY,
    interval INTEGER NOT NULL CHECK (interval > 0),      -- one block was taken for so many bytes, on average
    samples INTEGER NOT NULL CHECK (samples >= 0),       -- blocks that were taken
    allocations INTEGER CHECK (allocations >= 0), bytes INTEGER CHECK (bytes >= 0) -- of the whole run, exact; NULL = not known
) STRICT;

-- The variances of a site's measures: squares of standard errors. A site without a row is exact.
CREATE TABLE IF NOT EXISTS site_error (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL}, -- as in site
    {estimated: # REAL NOT NULL CHECK (# BETWEEN 0 AND 1e36)},
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;
