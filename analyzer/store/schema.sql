-- The database, version 6. One file holds many runs. Tables are ours, views (views.sql) are everybody's.
-- Measures are counted in blocks and in bytes asked for; {measures: ...} and the like are lists, see measures.h.

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    command TEXT NOT NULL,
    started TEXT NOT NULL,               -- ISO 8601, UTC
    wall_ns INTEGER NOT NULL DEFAULT 0,
    cpu_ns INTEGER NOT NULL DEFAULT 0,
    exit_status INTEGER,                 -- of the first process; negative: the signal that killed it; NULL = not known
    state TEXT NOT NULL DEFAULT 'recording' CHECK (state IN ('recording', 'complete', 'incomplete',
        'interrupted')),                 -- incomplete: recorded to its end, but something is missing, as counted below
    phase TEXT NOT NULL DEFAULT 'running', -- running, symbols (processes gone, names are looked up), done
    progress REAL NOT NULL DEFAULT 0,    -- of the phase 'symbols', 0 to 1
    collector_pid INTEGER,               -- the process that writes this run, to tell 'recording' from a dead collector
    collector_start INTEGER,             -- its start time, field 22 of /proc/PID/stat
    pid_namespace INTEGER,               -- the namespace of that pid: the inode of /proc/PID/ns/pid
    root TEXT NOT NULL DEFAULT '',       -- working directory of the first process
    {totals: # INTEGER NOT NULL DEFAULT 0},
    frees INTEGER NOT NULL DEFAULT 0, freed_bytes INTEGER NOT NULL DEFAULT 0,
    peak_ns INTEGER NOT NULL DEFAULT 0,  -- time of the peak, since the start
    peak_rss_bytes INTEGER NOT NULL DEFAULT 0,
    foreign_frees INTEGER NOT NULL DEFAULT 0,   -- frees of blocks from before the trace
    events_lost INTEGER NOT NULL DEFAULT 0,     -- there was no room for them
    stacks_checked INTEGER NOT NULL DEFAULT 0, stacks_different INTEGER NOT NULL DEFAULT 0,
    stacks_slow INTEGER NOT NULL DEFAULT 0,
    waits INTEGER NOT NULL DEFAULT 0, waited_ns INTEGER NOT NULL DEFAULT 0, -- targets waiting for ring space
    collector_cpu_ns INTEGER NOT NULL DEFAULT 0,
    taken_ns INTEGER NOT NULL DEFAULT 0, -- CLOCK_MONOTONIC when the collector took these numbers
    lap_peak_allocations INTEGER NOT NULL DEFAULT 0, lap_peak_bytes INTEGER NOT NULL DEFAULT 0, -- since the last mark
    damaged INTEGER NOT NULL DEFAULT 0,  -- processes that overwrote what they had recorded: their numbers are not whole
    by_thread INTEGER NOT NULL DEFAULT 0, -- 1 = sites are told apart by thread, too (LIBTRACE_THREADS=1)
    why TEXT,                            -- why recording stopped before the program ended: a sentence, or NULL
    stopped INTEGER NOT NULL DEFAULT 0,  -- processes that went on untraced, as nobody read their events
    untraced INTEGER NOT NULL DEFAULT 0, -- processes that found no room in the run: nothing is known of them
    stacks_lost INTEGER NOT NULL DEFAULT 0, -- stacks, or names in them, that found no room: counts are complete, some stacks are not
    end_allocations INTEGER NOT NULL DEFAULT 0, end_bytes INTEGER NOT NULL DEFAULT 0 -- live when the last process ended
) STRICT;

-- More tables are created when they are needed: for resident bytes and mappings, see page_rows.sql and mapped_rows.sql;
-- where the file system knows when a file was created, origin (origin.c); where it has locks, recorder
-- (recorder_lock.c).

CREATE TABLE process (
    run INTEGER NOT NULL, id INTEGER NOT NULL, -- id: 1, 2 ... in order of appearance in the run
    pid INTEGER NOT NULL, parent_pid INTEGER NOT NULL,
    command TEXT NOT NULL, executable TEXT NOT NULL,
    started_ns INTEGER NOT NULL, ended_ns INTEGER,  -- since the start of the run
    exit_status INTEGER,
    {totals: # INTEGER NOT NULL},                   -- at its own peak
    frees INTEGER NOT NULL, freed_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE thread (
    run INTEGER NOT NULL, process INTEGER NOT NULL, id INTEGER NOT NULL,
    tid INTEGER NOT NULL, name TEXT NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL, frees INTEGER NOT NULL,
    PRIMARY KEY (run, process, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE module (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    path TEXT NOT NULL, build_id TEXT NOT NULL, -- build_id in hex, '' = none
    symbols INTEGER,                            -- enum symbols_state, NULL = not looked at yet
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- A source-level place that frames resolve to.
CREATE TABLE line (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    file TEXT,                 -- NULL = not known
    line INTEGER NOT NULL,     -- 0 = not known
    function TEXT NOT NULL,    -- never empty: 'module+0xoffset' where no name is known
    module TEXT NOT NULL,      -- path; '' for Python code and unknown memory
    language TEXT NOT NULL,    -- native, python
    machinery INTEGER NOT NULL, -- 1 = allocator or standard library header, see symbols_is_library_code
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- A physical frame: module and offset, or Python code and instruction.
CREATE TABLE frame (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    module INTEGER NOT NULL,   -- 0 = none
    offset INTEGER NOT NULL,   -- return address, as an address in the module's file
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- The places that a frame stands for: depth 0 is the innermost (most inlined).
CREATE TABLE frame_line (
    run INTEGER NOT NULL, frame INTEGER NOT NULL, depth INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (run, frame, depth)
) STRICT, WITHOUT ROWID;

-- Stacks are paths in a trie: a node is a frame below its parent. Parent 0 = this is the outermost frame, -1 = the
-- outer frames were cut off.
CREATE TABLE node (
    run INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL, frame INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- What was counted for one stack in one process, or in one of its threads.
CREATE TABLE site (
    run INTEGER NOT NULL,
    {key: # INTEGER NOT NULL}, -- see site_key.h
    line INTEGER,              -- the line that it counts for, NULL until names are looked up
    leaf INTEGER,              -- its innermost line
    {measures: # INTEGER NOT NULL},
    smallest INTEGER NOT NULL, largest INTEGER NOT NULL,           -- block sizes
    sizes BLOB,      -- histogram: varint pairs (power of two, count), see store.h; NULL = one class only
    lifetimes BLOB,  -- likewise, of freed blocks: (power of two of 10 ms ticks, count)
    PRIMARY KEY (run, {key: #})
) STRICT, WITHOUT ROWID;

-- Sites added up by line, process by process: what top and compare read.
CREATE TABLE line_total (
    run INTEGER NOT NULL, process INTEGER NOT NULL, line INTEGER NOT NULL,
    {measures: # INTEGER NOT NULL},
    PRIMARY KEY (run, process, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE block (   -- blocks that were live at the end, at most STORE_BLOCKS a run (store.h)
    run INTEGER NOT NULL, process INTEGER NOT NULL, address INTEGER NOT NULL,
    size INTEGER NOT NULL, node INTEGER NOT NULL, born_ns INTEGER NOT NULL,
    PRIMARY KEY (run, process, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL, rss_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns)
) STRICT, WITHOUT ROWID;

-- What changed at a site since its previous row, at marks and at some moments in between: for narrowing a report to a
-- time. At each moment in table moment, and at each mark with sampled = 1, the sum of the rows up to then is what was
-- counted by then.
CREATE TABLE site_sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL,
    {key: # INTEGER NOT NULL}, -- of the site
    {sampled: # INTEGER NOT NULL},
    PRIMARY KEY (run, t_ns, {key: #})
) STRICT, WITHOUT ROWID;

-- Moments up to whose t_ns site_sample is complete; nothing more was counted until until_ns.
CREATE TABLE moment (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE mark (
    run INTEGER NOT NULL, id INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL,
    name TEXT NOT NULL, kind INTEGER NOT NULL, -- enum store_mark_kind
    sampled INTEGER NOT NULL,  -- 1 = site_sample is complete up to here; kind 2: for the process's live blocks
    lap_peak_allocations INTEGER NOT NULL, lap_peak_bytes INTEGER NOT NULL, -- the highest heap since the previous mark
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (  -- with LIBTRACE_EVENTS=1
    run INTEGER NOT NULL, id INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL,
    tid INTEGER NOT NULL, kind TEXT NOT NULL, -- alloc, free; tid 0 = a free that only later events showed: thread unknown
    address INTEGER NOT NULL, size INTEGER NOT NULL, node INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
