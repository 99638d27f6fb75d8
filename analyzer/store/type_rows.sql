-- What the blocks of a stack are. The tables are created with their first row: most runs of C programs have none. A stack's
-- blocks are of one type, in whatever process: where a program allocates different types by one call, as Python does, they
-- have stacks of their own.

CREATE TABLE IF NOT EXISTS stack_type (
    run INTEGER NOT NULL, node INTEGER NOT NULL,
    type TEXT NOT NULL,      -- as its language writes it
    how INTEGER NOT NULL,    -- enum store_type_how
    PRIMARY KEY (run, node)
) STRICT, WITHOUT ROWID;

-- Of stacks some of whose blocks were looked at. The sites of such a stack are divided as the looks are, when they are
-- read: see site_by_type.
CREATE TABLE IF NOT EXISTS stack_part (
    run INTEGER NOT NULL, node INTEGER NOT NULL,
    part INTEGER NOT NULL,   -- the node that stands for a part of its blocks, with the same frames; often the node itself
    start INTEGER NOT NULL,  -- the looks that this part stands for: those from start on,
    seen INTEGER NOT NULL,   -- so many
    looks INTEGER NOT NULL,  -- of so many
    PRIMARY KEY (run, node, part)
) STRICT, WITHOUT ROWID;

-- What types of Python objects are like, of which a stack has some.
CREATE TABLE IF NOT EXISTS object_type (
    run INTEGER NOT NULL, type TEXT NOT NULL,
    basic_size INTEGER NOT NULL, item_size INTEGER NOT NULL, -- bytes of an instance, and of each of its items
    has_dict INTEGER NOT NULL,     -- 1: instances have a __dict__; 0: they have slots, or none of their own
    at_run_time INTEGER NOT NULL,  -- 1: made at run time, as by a class statement
    line INTEGER,                  -- that made it; NULL: it was there before, or in no line
    PRIMARY KEY (run, type, basic_size, item_size)
) STRICT, WITHOUT ROWID;

-- How many attributes' names the instances of such a type share, where that was seen.
CREATE TABLE IF NOT EXISTS object_keys (
    run INTEGER NOT NULL, type TEXT NOT NULL,
    keys INTEGER NOT NULL, -- the most that were seen, as they come with the instances
    PRIMARY KEY (run, type)
) STRICT, WITHOUT ROWID;

-- Processes of which nothing of that could be known, as the collector was not allowed to look at their blocks.
CREATE TABLE IF NOT EXISTS unreadable (
    run INTEGER NOT NULL, process INTEGER NOT NULL,
    PRIMARY KEY (run, process)
) STRICT, WITHOUT ROWID;
