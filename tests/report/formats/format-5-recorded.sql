-- A database of format 5: the recording of a program of ten lines by a libtrace of that time.
PRAGMA application_id = 1280602723;
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE block (   -- live at the end, each of them, at most store.h's STORE_BLOCKS a run
    run INTEGER NOT NULL, process INTEGER NOT NULL, address INTEGER NOT NULL,
    size INTEGER NOT NULL, node INTEGER NOT NULL, born_ns INTEGER NOT NULL,
    PRIMARY KEY (run, process, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (  -- with LIBTRACE_EVENTS=1
    run INTEGER NOT NULL, id INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL,
    tid INTEGER NOT NULL, kind TEXT NOT NULL, -- alloc, free
    address INTEGER NOT NULL, size INTEGER NOT NULL, node INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE frame (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    module INTEGER NOT NULL,   -- 0 = none
    offset INTEGER NOT NULL,   -- return address in the file's addresses
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "frame" VALUES(1,1,1,4273);
INSERT INTO "frame" VALUES(1,2,4,160517);
INSERT INTO "frame" VALUES(1,3,4,160330);
INSERT INTO "frame" VALUES(1,4,1,4569);
INSERT INTO "frame" VALUES(1,5,1,4509);
INSERT INTO "frame" VALUES(1,6,1,4657);
INSERT INTO "frame" VALUES(1,7,1,4690);
CREATE TABLE frame_line (
    run INTEGER NOT NULL, frame INTEGER NOT NULL, depth INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (run, frame, depth)
) STRICT, WITHOUT ROWID;
INSERT INTO "frame_line" VALUES(1,1,0,1);
INSERT INTO "frame_line" VALUES(1,2,0,2);
INSERT INTO "frame_line" VALUES(1,3,0,3);
INSERT INTO "frame_line" VALUES(1,4,0,4);
INSERT INTO "frame_line" VALUES(1,5,0,5);
INSERT INTO "frame_line" VALUES(1,6,0,6);
INSERT INTO "frame_line" VALUES(1,7,0,7);
CREATE TABLE line (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    file TEXT,                 -- NULL = not known
    line INTEGER NOT NULL,     -- 0 = not known
    function TEXT NOT NULL,    -- never empty: 'module+0xoffset' where no name is known
    module TEXT NOT NULL,      -- path; '' for Python code and unknown memory
    language TEXT NOT NULL,    -- native, python
    machinery INTEGER NOT NULL, -- 1 = allocator or standard library header, see symbols_is_machinery
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "line" VALUES(1,1,NULL,0,'_start','/tmp/src/demo','native',0);
INSERT INTO "line" VALUES(1,2,'./csu/../csu/libc-start.c',360,'__libc_start_main_impl','/lib/x86_64-linux-gnu/libc.so.6','native',1);
INSERT INTO "line" VALUES(1,3,'./csu/../sysdeps/nptl/libc_start_call_main.h',58,'__libc_start_call_main','/lib/x86_64-linux-gnu/libc.so.6','native',1);
INSERT INTO "line" VALUES(1,4,'/tmp/src/demo.c',7,'main','/tmp/src/demo','native',0);
INSERT INTO "line" VALUES(1,5,'/tmp/src/demo.c',3,'copy','/tmp/src/demo','native',0);
INSERT INTO "line" VALUES(1,6,'/tmp/src/demo.c',9,'main','/tmp/src/demo','native',0);
INSERT INTO "line" VALUES(1,7,'/tmp/src/demo.c',10,'main','/tmp/src/demo','native',0);
CREATE TABLE line_total (
    run INTEGER NOT NULL, process INTEGER NOT NULL, line INTEGER NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    peak_allocations INTEGER NOT NULL, peak_bytes INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    PRIMARY KEY (run, process, line)
) STRICT, WITHOUT ROWID;
INSERT INTO "line_total" VALUES(1,1,5,21,653,0,0,1,13,0);
INSERT INTO "line_total" VALUES(1,1,6,100,100000,1,1000,0,0,100);
CREATE TABLE mark (
    run INTEGER NOT NULL, id INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL,
    name TEXT NOT NULL, kind INTEGER NOT NULL,
    sampled INTEGER NOT NULL,  -- 1 = site_sample is complete up to here
    lap_peak_allocations INTEGER NOT NULL, lap_peak_bytes INTEGER NOT NULL, -- the highest heap since the mark before
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE module (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    path TEXT NOT NULL, build_id TEXT NOT NULL, -- build_id in hex, '' = none
    symbols INTEGER,                            -- enum symbols_state, NULL = not looked at yet
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "module" VALUES(1,1,'/tmp/src/demo','f2766d7e8ce2d86d9be1d293f556cda4a53a37bc',0);
INSERT INTO "module" VALUES(1,2,'linux-vdso.so.1','b0af7178ba47aca58d16966d2c4d17c913589189',NULL);
INSERT INTO "module" VALUES(1,3,'/usr/lib/libtrace.so','d41717cd3cca79bead6d28a11aad0fda42f9a3bb',NULL);
INSERT INTO "module" VALUES(1,4,'/lib/x86_64-linux-gnu/libc.so.6','93ac61ec5a8eb1396f9fbd350e3169a558528a40',0);
INSERT INTO "module" VALUES(1,5,'/lib64/ld-linux-x86-64.so.2','7ebc65e52f2bbea498b4040fa92f7238377aaba9',NULL);
CREATE TABLE moment (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns)
) STRICT, WITHOUT ROWID;
INSERT INTO "moment" VALUES(1,19263531,44023592);
CREATE TABLE node (
    run INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL, frame INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "node" VALUES(1,1,0,1);
INSERT INTO "node" VALUES(1,2,1,2);
INSERT INTO "node" VALUES(1,3,2,3);
INSERT INTO "node" VALUES(1,4,3,4);
INSERT INTO "node" VALUES(1,5,4,5);
INSERT INTO "node" VALUES(1,6,3,6);
INSERT INTO "node" VALUES(1,7,3,7);
INSERT INTO "node" VALUES(1,8,7,5);
CREATE TABLE origin (run INTEGER PRIMARY KEY, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL) STRICT;
INSERT INTO "origin" VALUES(1,11198596,1795691568457102805);
CREATE TABLE process (
    run INTEGER NOT NULL, id INTEGER NOT NULL, -- id: 1, 2 ... in order of appearance in the run
    pid INTEGER NOT NULL, parent_pid INTEGER NOT NULL,
    command TEXT NOT NULL, executable TEXT NOT NULL,
    started_ns INTEGER NOT NULL, ended_ns INTEGER,  -- since the start of the run
    exit_status INTEGER,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    frees INTEGER NOT NULL, freed_bytes INTEGER NOT NULL,
    peak_allocations INTEGER NOT NULL, peak_bytes INTEGER NOT NULL,  -- its own peak
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "process" VALUES(1,1,23957,23954,'./demo','/tmp/src/demo',1997262,6390642,0,121,100653,120,100640,1,1000,1,13,100);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    command TEXT NOT NULL,
    started TEXT NOT NULL,               -- ISO 8601, UTC
    wall_ns INTEGER NOT NULL DEFAULT 0,
    cpu_ns INTEGER NOT NULL DEFAULT 0,
    exit_status INTEGER,                 -- of the first process; minus the signal number; NULL = not known
    state TEXT NOT NULL DEFAULT 'recording' CHECK (state IN ('recording', 'complete', 'incomplete',
        'interrupted')),                 -- incomplete: up to its end, but something is missing, as counted below
    phase TEXT NOT NULL DEFAULT 'running', -- running, symbols (processes gone, names are looked up), done
    progress REAL NOT NULL DEFAULT 0,    -- of the phase 'symbols', 0 to 1
    collector_pid INTEGER,               -- who writes this run, to tell 'recording' from a dead collector
    collector_start INTEGER,             -- its start time, field 22 of /proc/PID/stat
    pid_namespace INTEGER,               -- that its pid is of: the inode of /proc/PID/ns/pid
    root TEXT NOT NULL DEFAULT '',       -- working directory of the first process
    allocations INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
    frees INTEGER NOT NULL DEFAULT 0, freed_bytes INTEGER NOT NULL DEFAULT 0,
    peak_allocations INTEGER NOT NULL DEFAULT 0, peak_bytes INTEGER NOT NULL DEFAULT 0,
    peak_ns INTEGER NOT NULL DEFAULT 0,  -- when the peak was, since the start
    live_allocations INTEGER NOT NULL DEFAULT 0, live_bytes INTEGER NOT NULL DEFAULT 0, -- never freed by its process
    temporary INTEGER NOT NULL DEFAULT 0,
    peak_rss_bytes INTEGER NOT NULL DEFAULT 0,
    foreign_frees INTEGER NOT NULL DEFAULT 0,   -- frees of blocks from before the trace
    events_lost INTEGER NOT NULL DEFAULT 0,     -- no room left for them
    stacks_checked INTEGER NOT NULL DEFAULT 0, stacks_different INTEGER NOT NULL DEFAULT 0,
    stacks_slow INTEGER NOT NULL DEFAULT 0,
    waits INTEGER NOT NULL DEFAULT 0, waited_ns INTEGER NOT NULL DEFAULT 0, -- targets waiting for ring space
    collector_cpu_ns INTEGER NOT NULL DEFAULT 0,
    taken_ns INTEGER NOT NULL DEFAULT 0, -- the collector's CLOCK_MONOTONIC when these numbers were taken
    lap_peak_allocations INTEGER NOT NULL DEFAULT 0, lap_peak_bytes INTEGER NOT NULL DEFAULT 0, -- since the last mark
    damaged INTEGER NOT NULL DEFAULT 0,  -- processes that overwrote what they had recorded: their numbers are not whole
    by_thread INTEGER NOT NULL DEFAULT 0, -- 1 = sites are told apart by thread, too (LIBTRACE_THREADS=1)
    why TEXT,                            -- it was stopped before the program ended: the reason, a sentence; NULL = else
    stopped INTEGER NOT NULL DEFAULT 0,  -- processes that went on untraced, as nobody took their events
    untraced INTEGER NOT NULL DEFAULT 0, -- processes that found no room in the run: nothing is known of them
    stacks_lost INTEGER NOT NULL DEFAULT 0, -- stacks, or names in them, that found no room: what is counted is whole
    end_allocations INTEGER NOT NULL DEFAULT 0, end_bytes INTEGER NOT NULL DEFAULT 0 -- live when its last process ended
) STRICT;
INSERT INTO "run" VALUES(1,'demo','./demo','2026-11-26T11:12:48.440Z',6390642,11161000,0,'complete','done',1.0,23959,4074229,4026531836,'/tmp/src',121,100653,120,100640,1,1000,6390642,1,13,100,1732608,0,0,0,0,0,0,0,26928000,40742342333739,1,1000,0,0,NULL,0,0,0,1,13);
CREATE TABLE sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL, rss_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns)
) STRICT, WITHOUT ROWID;
INSERT INTO "sample" VALUES(1,19263531,1,13,1732608);
INSERT INTO "sample" VALUES(1,19263532,1,13,1732608);
CREATE TABLE site (
    run INTEGER NOT NULL, process INTEGER NOT NULL, node INTEGER NOT NULL,
    thread INTEGER NOT NULL,   -- its number in the process; 0 = of all threads, where run.by_thread is 0
    line INTEGER,              -- the line that it counts for, NULL until symbols are there
    leaf INTEGER,              -- its innermost line
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    peak_allocations INTEGER NOT NULL, peak_bytes INTEGER NOT NULL, -- at the run's peak
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL, -- so far, at last at its end; the rest was freed
    temporary INTEGER NOT NULL,
    highest_bytes INTEGER NOT NULL,                                -- its own highest live bytes
    smallest INTEGER NOT NULL, largest INTEGER NOT NULL,           -- block sizes
    sizes BLOB,      -- histogram: varint pairs (power of two, count), see store.h; NULL = one class
    lifetimes BLOB,  -- likewise: (power of two of ticks of 10 ms, count) of freed blocks
    PRIMARY KEY (run, node, process, thread)
) STRICT, WITHOUT ROWID;
INSERT INTO "site" VALUES(1,1,5,0,5,5,20,640,0,0,0,0,0,640,32,32,NULL,X'0014');
INSERT INTO "site" VALUES(1,1,6,0,6,6,100,100000,1,1000,0,0,100,1000,1000,1000,NULL,X'0064');
INSERT INTO "site" VALUES(1,1,8,0,5,5,1,13,0,0,1,13,0,13,13,13,NULL,NULL);
CREATE TABLE site_sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL, node INTEGER NOT NULL,
    thread INTEGER NOT NULL,   -- as the site's
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns, process, node, thread)
) STRICT, WITHOUT ROWID;
INSERT INTO "site_sample" VALUES(1,19263531,1,5,0,20,640,0,0,0);
INSERT INTO "site_sample" VALUES(1,19263531,1,6,0,100,100000,0,0,100);
INSERT INTO "site_sample" VALUES(1,19263531,1,8,0,1,13,1,13,0);
CREATE TABLE thread (
    run INTEGER NOT NULL, process INTEGER NOT NULL, id INTEGER NOT NULL,
    tid INTEGER NOT NULL, name TEXT NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL, frees INTEGER NOT NULL,
    PRIMARY KEY (run, process, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "thread" VALUES(1,1,1,23957,'demo',121,100653,120);
CREATE VIEW runs AS
SELECT id AS run, label, command, started, wall_ns / 1e9 AS wall_s, cpu_ns / 1e9 AS cpu_s, exit_status, state,
       allocations, bytes, frees, freed_bytes, peak_allocations, peak_bytes,
       end_allocations AS live_allocations, end_bytes AS live_bytes, temporary,
       (SELECT count(*) FROM process AS p WHERE p.run = run.id) AS processes,
       (SELECT count(*) FROM thread AS t WHERE t.run = run.id) AS threads,
       peak_rss_bytes,
       phase, peak_ns / 1e9 AS peak_s, root, events_lost, damaged, by_thread, why,
       stopped, untraced, stacks_lost, live_allocations AS unfreed_allocations, live_bytes AS unfreed_bytes
FROM run;
CREATE VIEW processes AS
SELECT run, id AS process, pid, parent_pid, command, executable, started_ns / 1e9 AS started_s,
       ended_ns / 1e9 AS ended_s, exit_status, allocations, bytes, peak_bytes, live_bytes,
       frees, freed_bytes, peak_allocations, live_allocations, temporary
FROM process;
CREATE VIEW threads AS
SELECT run, process, tid, name, allocations, bytes, frees, id AS thread
FROM thread;
CREATE VIEW frame_names AS
SELECT f.run AS run, f.id AS frame,
       CASE WHEN m.path IS NULL OR m.path = '' THEN printf('0x%x', f.offset)
            ELSE replace(m.path, rtrim(m.path, replace(m.path, '/', '')), '') || printf('+0x%x', f.offset) END AS name,
       coalesce(m.path, '') AS module
FROM frame AS f LEFT JOIN module AS m ON m.run = f.run AND m.id = f.module;
CREATE VIEW sites AS
SELECT s.run AS run, s.process AS process, nullif(s.thread, 0) AS thread, s.node AS stack,
       l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT n.name FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                             WHERE o.run = s.run AND o.id = s.node), '[unknown]') AS function,
       coalesce(l.module, (SELECT n.module FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                           WHERE o.run = s.run AND o.id = s.node), '') AS module,
       coalesce(l.language, 'native') AS language,
       s.allocations AS allocations, s.bytes AS bytes, s.peak_allocations AS peak_allocations,
       s.peak_bytes AS peak_bytes, s.live_allocations AS live_allocations, s.live_bytes AS live_bytes,
       s.temporary AS temporary
FROM site AS s LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line;
CREATE VIEW lines AS
SELECT t.run AS run, l.file AS file, coalesce(l.line, 0) AS line, coalesce(l.function, '[unknown]') AS function,
       coalesce(l.module, '') AS module, coalesce(l.language, 'native') AS language,
       t.allocations AS allocations, t.bytes AS bytes, t.peak_allocations AS peak_allocations,
       t.peak_bytes AS peak_bytes, t.live_allocations AS live_allocations, t.live_bytes AS live_bytes,
       t.temporary AS temporary
FROM (SELECT a.run AS run, a.line AS line, sum(a.allocations) AS allocations, sum(a.bytes) AS bytes,
             sum(a.peak_allocations) AS peak_allocations, sum(a.peak_bytes) AS peak_bytes,
             sum(a.live_allocations) AS live_allocations, sum(a.live_bytes) AS live_bytes,
             sum(a.temporary) AS temporary
      FROM run AS r CROSS JOIN line_total AS a ON a.run = r.id
      WHERE r.phase = 'done' GROUP BY a.run, a.line) AS t
LEFT JOIN line AS l ON l.run = t.run AND l.id = t.line
UNION ALL
SELECT t.run, l.file, coalesce(l.line, 0),
       coalesce(l.function, (SELECT n.name FROM frame_names AS n WHERE n.run = t.run AND n.frame = t.frame), '[unknown]'),
       coalesce(l.module, (SELECT n.module FROM frame_names AS n WHERE n.run = t.run AND n.frame = t.frame), ''),
       coalesce(l.language, 'native'),
       t.allocations, t.bytes, t.peak_allocations, t.peak_bytes, t.live_allocations, t.live_bytes, t.temporary
FROM (SELECT s.run AS run, s.line AS line, CASE WHEN s.line IS NULL THEN o.frame END AS frame,
             sum(s.allocations) AS allocations, sum(s.bytes) AS bytes,
             sum(s.peak_allocations) AS peak_allocations, sum(s.peak_bytes) AS peak_bytes,
             sum(s.live_allocations) AS live_allocations, sum(s.live_bytes) AS live_bytes,
             sum(s.temporary) AS temporary
      FROM run AS r CROSS JOIN site AS s ON s.run = r.id
      LEFT JOIN node AS o ON o.run = s.run AND o.id = s.node
      WHERE r.phase <> 'done'
      GROUP BY s.run, s.line, CASE WHEN s.line IS NULL THEN o.frame END) AS t
LEFT JOIN line AS l ON l.run = t.run AND l.id = t.line;
CREATE VIEW functions AS
SELECT run, function, file, module, language, sum(allocations) AS allocations, sum(bytes) AS bytes,
       sum(peak_allocations) AS peak_allocations, sum(peak_bytes) AS peak_bytes,
       sum(live_allocations) AS live_allocations, sum(live_bytes) AS live_bytes, sum(temporary) AS temporary
FROM lines GROUP BY run, function, file, module, language;
CREATE VIEW stacks AS
SELECT g.run AS run, g.node AS stack,
       (WITH RECURSIVE up(parent, frame, n) AS (
            SELECT o.parent, o.frame, 0 FROM node AS o WHERE o.run = g.run AND o.id = g.node
            UNION ALL
            SELECT o.parent, o.frame, up.n + 1 FROM up JOIN node AS o ON o.run = g.run AND o.id = up.parent
            WHERE up.n < 20000)
        SELECT group_concat(replace(text, ';', ':'), ';')
        FROM (SELECT up.n AS n, coalesce(fl.depth, 0) AS depth,
                     CASE WHEN l.file IS NOT NULL AND l.line > 0 THEN l.function || ' (' || l.file || ':' || l.line || ')'
                          WHEN l.file IS NOT NULL THEN l.function || ' (' || l.file || ')'
                          ELSE coalesce(l.function, (SELECT f.name FROM frame_names AS f
                                                     WHERE f.run = g.run AND f.frame = up.frame), '[unknown]') END AS text
              FROM up LEFT JOIN frame_line AS fl ON fl.run = g.run AND fl.frame = up.frame
              LEFT JOIN line AS l ON l.run = g.run AND l.id = fl.line
              UNION ALL
              SELECT up.n + 1, 0, '[cut]' FROM up WHERE up.parent = -1
              ORDER BY 1, 2)) AS frames,
       g.allocations AS allocations, g.bytes AS bytes, g.peak_allocations AS peak_allocations,
       g.peak_bytes AS peak_bytes, g.live_allocations AS live_allocations, g.live_bytes AS live_bytes,
       g.temporary AS temporary
FROM (SELECT run, node, sum(allocations) AS allocations, sum(bytes) AS bytes,
             sum(peak_allocations) AS peak_allocations, sum(peak_bytes) AS peak_bytes,
             sum(live_allocations) AS live_allocations, sum(live_bytes) AS live_bytes,
             sum(temporary) AS temporary
      FROM site GROUP BY run, node) AS g;
CREATE VIEW leaks AS
SELECT t.run AS run, l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT f.name FROM node AS o JOIN frame_names AS f ON f.run = o.run AND f.frame = o.frame
                             WHERE o.run = t.run AND o.id = t.stack), '[unknown]') AS function,
       t.live_allocations AS live_allocations, t.live_bytes AS live_bytes, t.frames AS stack
FROM stacks AS t
LEFT JOIN line AS l ON l.run = t.run
      AND l.id = (SELECT s.line FROM site AS s WHERE s.run = t.run AND s.node = t.stack LIMIT 1)
WHERE t.live_allocations > 0;
CREATE VIEW timeline AS
SELECT run, t_ns / 1e9 AS t_s, live_bytes, live_allocations, rss_bytes
FROM sample;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',1);
COMMIT;
