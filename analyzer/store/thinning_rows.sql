-- Of runs that were recorded with --keep or --max-size. The table is created with its first row: most runs are kept whole.

CREATE TABLE IF NOT EXISTS thinning (
    run INTEGER PRIMARY KEY,
    keep_ns INTEGER NOT NULL CHECK (keep_ns >= 0),     -- what was asked for; 0 = nothing
    most_bytes INTEGER NOT NULL CHECK (most_bytes >= 0),
    coarse_ns INTEGER NOT NULL CHECK (coarse_ns >= 0), -- what was known of the time up to then was merged,
    grain_ns INTEGER NOT NULL CHECK (grain_ns >= 0),   -- at its beginning to one moment in so long
    events INTEGER NOT NULL CHECK (events >= 0),       -- of the log, that were dropped: all before the first that is left
    short INTEGER NOT NULL CHECK (short IN (0, 1))     -- 1 = even what is never thinned takes more than most_bytes
) STRICT;
