-- What became of blocks beyond being freed. A new file has these tables, one from before gets them with its first run.

-- Sites of which there is something to say; otherwise as table site.
CREATE TABLE IF NOT EXISTS site_fate (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL},
    freed_elsewhere INTEGER NOT NULL, -- blocks that another thread freed than the one that made them; at least so many
    moves INTEGER NOT NULL, moved_bytes INTEGER NOT NULL, -- reallocs that made its blocks by copying, and what they copied
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;

-- A block that took the place of another one of old_bytes, while both were there. Each run has all kinds, with node and
-- bytes 0 where there is none: a run without rows is from before this was counted.
CREATE TABLE IF NOT EXISTS peak_copy (
    run INTEGER NOT NULL,
    kind INTEGER NOT NULL,            -- enum store_copy_kind
    {key: # INTEGER NOT NULL},        -- of the new block's site
    old_bytes INTEGER NOT NULL, new_bytes INTEGER NOT NULL,
    height INTEGER NOT NULL,          -- all that was live then, both blocks included,
    next_height INTEGER NOT NULL,     -- and at the highest such moment of another site
    PRIMARY KEY (run, kind)
) STRICT, WITHOUT ROWID;
