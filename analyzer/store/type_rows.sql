-- What the blocks of a stack are. The table is created with its first row: most runs of C programs have none. A stack's
-- blocks are of one type, in whatever process: where a program allocates different types by one call, as Python does, they
-- have stacks of their own.

CREATE TABLE IF NOT EXISTS stack_type (
    run INTEGER NOT NULL, node INTEGER NOT NULL,
    type TEXT NOT NULL,      -- as its language writes it
    how INTEGER NOT NULL,    -- enum store_type_how
    PRIMARY KEY (run, node)
) STRICT, WITHOUT ROWID;
