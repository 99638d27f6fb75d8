-- What looks at the contents of a site's blocks found. The table is created with its first row.
CREATE TABLE IF NOT EXISTS site_content (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL},
    blocks INTEGER NOT NULL, bytes INTEGER NOT NULL,             -- that were looked at, at one moment, at random
    alone INTEGER NOT NULL, alone_bytes INTEGER NOT NULL,        -- of those: whose content no other one had
    contents INTEGER NOT NULL, contents_bytes INTEGER NOT NULL,  -- contents that several had, each counted once
    again INTEGER NOT NULL, changed INTEGER NOT NULL,            -- blocks that were looked at once more; of those: not the same
    apart_ns INTEGER NOT NULL,                                   -- the longest time between two such looks
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;
