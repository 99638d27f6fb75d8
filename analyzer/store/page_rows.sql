-- Two tables that are created the first time somebody looks where the resident bytes are; other runs do not pay for
-- them. See page_rows.h.

CREATE TABLE IF NOT EXISTS page_moment (
    run INTEGER NOT NULL, id INTEGER NOT NULL, process INTEGER NOT NULL,
    t_ns INTEGER NOT NULL, took_ns INTEGER NOT NULL,
    kind INTEGER NOT NULL,   -- enum store_page_kind
    mark INTEGER NOT NULL,   -- for kind mark: its id, else 0
    resident INTEGER NOT NULL, pss INTEGER NOT NULL, untouched INTEGER NOT NULL, swapped INTEGER NOT NULL, -- bytes
    missing TEXT,            -- why nothing, or not all, could be seen
    PRIMARY KEY (run, id, process)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS page_row (
    run INTEGER NOT NULL, moment INTEGER NOT NULL, process INTEGER NOT NULL,
    part INTEGER NOT NULL,   -- enum store_page_part
    node INTEGER NOT NULL, line INTEGER NOT NULL, name TEXT NOT NULL, -- a site's, or the name of a mapping
    bytes INTEGER NOT NULL, blocks INTEGER NOT NULL,
    PRIMARY KEY (run, moment, process, part, node, line, name)
) STRICT, WITHOUT ROWID;
