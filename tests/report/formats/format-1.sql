-- A database of format 1, as the libtrace that wrote it left it: make_db small of that time.
PRAGMA application_id = 1280602723;
PRAGMA user_version = 1;
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
INSERT INTO "frame" VALUES(1,1,1,4112);
INSERT INTO "frame" VALUES(1,2,1,4128);
INSERT INTO "frame" VALUES(1,3,1,4144);
INSERT INTO "frame" VALUES(1,4,1,4160);
INSERT INTO "frame" VALUES(1,5,2,4176);
CREATE TABLE frame_line (
    run INTEGER NOT NULL, frame INTEGER NOT NULL, depth INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (run, frame, depth)
) STRICT, WITHOUT ROWID;
INSERT INTO "frame_line" VALUES(1,1,0,1);
INSERT INTO "frame_line" VALUES(1,2,0,2);
INSERT INTO "frame_line" VALUES(1,2,1,3);
INSERT INTO "frame_line" VALUES(1,3,0,4);
INSERT INTO "frame_line" VALUES(1,4,0,5);
INSERT INTO "frame_line" VALUES(1,5,0,6);
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
INSERT INTO "line" VALUES(1,1,'/src/demo/list.c',10,'main','/src/demo/list','native',0);
INSERT INTO "line" VALUES(1,2,'/src/demo/list.c',20,'read_record','/src/demo/list','native',0);
INSERT INTO "line" VALUES(1,3,'/src/demo/list.c',30,'load','/src/demo/list','native',0);
INSERT INTO "line" VALUES(1,4,'/src/demo/list.c',40,'build_index','/src/demo/list','native',0);
INSERT INTO "line" VALUES(1,5,'/usr/include/c++/vector',99,'std::vector<[int; 2]>::grow()','/src/demo/list','native',1);
INSERT INTO "line" VALUES(1,6,NULL,0,'libz.so.1+0x1050','/usr/lib/libz.so.1','native',0);
CREATE TABLE line_total (
    run INTEGER NOT NULL, process INTEGER NOT NULL, line INTEGER NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    peak_allocations INTEGER NOT NULL, peak_bytes INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    PRIMARY KEY (run, process, line)
) STRICT, WITHOUT ROWID;
INSERT INTO "line_total" VALUES(1,1,1,50000,800000,1,16,0,0,50000);
INSERT INTO "line_total" VALUES(1,1,2,40000,1920000,40000,1920000,0,0,0);
INSERT INTO "line_total" VALUES(1,1,4,3,2100000,2,1400000,0,0,0);
INSERT INTO "line_total" VALUES(1,1,6,100,409600,50,204800,100,409600,0);
INSERT INTO "line_total" VALUES(1,2,2,500,12000,0,0,10,240,490);
CREATE TABLE mark (
    run INTEGER NOT NULL, id INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL,
    name TEXT NOT NULL, kind INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE module (
    run INTEGER NOT NULL, id INTEGER NOT NULL,
    path TEXT NOT NULL, build_id TEXT NOT NULL, -- build_id in hex, '' = none
    symbols INTEGER,                            -- enum symbols_state, NULL = not looked at yet
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "module" VALUES(1,1,'/src/demo/list','deadbeef',0);
INSERT INTO "module" VALUES(1,2,'/usr/lib/libz.so.1','',2);
CREATE TABLE node (
    run INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL, frame INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "node" VALUES(1,1,0,1);
INSERT INTO "node" VALUES(1,2,1,2);
INSERT INTO "node" VALUES(1,3,1,3);
INSERT INTO "node" VALUES(1,4,1,5);
INSERT INTO "node" VALUES(1,5,-1,4);
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
INSERT INTO "process" VALUES(1,1,1001,999,'./list 40000','/src/demo/list',0,1200000000,0,90103,4564096,0,0,0,0,0,0,0);
INSERT INTO "process" VALUES(1,2,1002,1001,'./list 40000','/src/demo/list',1000000,1200000000,0,500,12000,0,0,0,0,0,0,0);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    command TEXT NOT NULL,
    started TEXT NOT NULL,               -- ISO 8601, UTC
    wall_ns INTEGER NOT NULL DEFAULT 0,
    cpu_ns INTEGER NOT NULL DEFAULT 0,
    exit_status INTEGER,                 -- of the first process; minus the signal number; NULL = not known
    state TEXT NOT NULL DEFAULT 'recording' CHECK (state IN ('recording', 'complete', 'interrupted')),
    phase TEXT NOT NULL DEFAULT 'running', -- running, symbols (processes gone, names are looked up), done
    progress REAL NOT NULL DEFAULT 0,    -- of the phase 'symbols', 0 to 1
    collector_pid INTEGER,               -- who writes this run, to tell 'recording' from a dead collector
    collector_start INTEGER,             -- its start time, field 22 of /proc/PID/stat
    root TEXT NOT NULL DEFAULT '',       -- working directory of the first process
    allocations INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
    frees INTEGER NOT NULL DEFAULT 0, freed_bytes INTEGER NOT NULL DEFAULT 0,
    peak_allocations INTEGER NOT NULL DEFAULT 0, peak_bytes INTEGER NOT NULL DEFAULT 0,
    peak_ns INTEGER NOT NULL DEFAULT 0,  -- when the peak was, since the start
    live_allocations INTEGER NOT NULL DEFAULT 0, live_bytes INTEGER NOT NULL DEFAULT 0,
    temporary INTEGER NOT NULL DEFAULT 0,
    peak_rss_bytes INTEGER NOT NULL DEFAULT 0,
    foreign_frees INTEGER NOT NULL DEFAULT 0,   -- frees of blocks from before the trace
    events_lost INTEGER NOT NULL DEFAULT 0,     -- no room left for them
    stacks_checked INTEGER NOT NULL DEFAULT 0, stacks_different INTEGER NOT NULL DEFAULT 0,
    stacks_slow INTEGER NOT NULL DEFAULT 0,
    waits INTEGER NOT NULL DEFAULT 0, waited_ns INTEGER NOT NULL DEFAULT 0, -- targets waiting for ring space
    collector_cpu_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "run" VALUES(1,'list','./list 40000','2026-06-01T12:00:00Z',1234567890,1000000000,0,'complete','done',1.0,20892,3711212,'/src/demo',90603,5241600,90493,4831760,40053,3524816,600000000,110,409840,50490,41943040,0,0,0,0,0,0,0,0);
CREATE TABLE sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL, rss_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns)
) STRICT, WITHOUT ROWID;
INSERT INTO "sample" VALUES(1,0,0,0,5242880);
INSERT INTO "sample" VALUES(1,50000000,2000,300000,5642880);
INSERT INTO "sample" VALUES(1,100000000,4000,600000,6042880);
INSERT INTO "sample" VALUES(1,150000000,6000,900000,6442880);
INSERT INTO "sample" VALUES(1,200000000,8000,1200000,6842880);
INSERT INTO "sample" VALUES(1,250000000,10000,1500000,7242880);
INSERT INTO "sample" VALUES(1,300000000,12000,1800000,7642880);
INSERT INTO "sample" VALUES(1,350000000,14000,2100000,8042880);
INSERT INTO "sample" VALUES(1,400000000,16000,2400000,8442880);
INSERT INTO "sample" VALUES(1,450000000,18000,2700000,8842880);
INSERT INTO "sample" VALUES(1,500000000,20000,3000000,9242880);
INSERT INTO "sample" VALUES(1,550000000,22000,3300000,9642880);
INSERT INTO "sample" VALUES(1,600000000,24000,3600000,10042880);
INSERT INTO "sample" VALUES(1,650000000,26000,3900000,10442880);
INSERT INTO "sample" VALUES(1,700000000,28000,4200000,10842880);
INSERT INTO "sample" VALUES(1,750000000,30000,4500000,11242880);
INSERT INTO "sample" VALUES(1,800000000,32000,4800000,11642880);
INSERT INTO "sample" VALUES(1,850000000,34000,5100000,12042880);
INSERT INTO "sample" VALUES(1,900000000,36000,5400000,12442880);
INSERT INTO "sample" VALUES(1,950000000,38000,5700000,12842880);
CREATE TABLE site (
    run INTEGER NOT NULL, process INTEGER NOT NULL, node INTEGER NOT NULL,
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
    PRIMARY KEY (run, node, process)
) STRICT, WITHOUT ROWID;
INSERT INTO "site" VALUES(1,1,2,2,2,40000,1920000,40000,1920000,0,0,0,1920000,48,48,X'06C0B802',NULL);
INSERT INTO "site" VALUES(1,2,2,2,2,500,12000,0,0,10,240,490,0,24,24,X'05F403',NULL);
INSERT INTO "site" VALUES(1,1,3,4,4,3,2100000,2,1400000,0,0,0,1400000,700000,700000,X'1403',NULL);
INSERT INTO "site" VALUES(1,1,4,6,6,100,409600,50,204800,100,409600,0,204800,4096,4096,X'0D64',NULL);
INSERT INTO "site" VALUES(1,1,5,1,5,50000,800000,1,16,0,0,50000,16,16,16,X'05D08603',NULL);
CREATE TABLE site_sample (
    run INTEGER NOT NULL, t_ns INTEGER NOT NULL, process INTEGER NOT NULL, node INTEGER NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL,
    live_allocations INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, t_ns, process, node)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread (
    run INTEGER NOT NULL, process INTEGER NOT NULL, id INTEGER NOT NULL,
    tid INTEGER NOT NULL, name TEXT NOT NULL,
    allocations INTEGER NOT NULL, bytes INTEGER NOT NULL, frees INTEGER NOT NULL,
    PRIMARY KEY (run, process, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "thread" VALUES(1,1,1,1001,'main',90103,4564096,0);
INSERT INTO "thread" VALUES(1,2,1,1002,'main',500,12000,0);
CREATE VIEW runs AS
SELECT id AS run, label, command, started, wall_ns / 1e9 AS wall_s, cpu_ns / 1e9 AS cpu_s, exit_status, state,
       allocations, bytes, frees, freed_bytes, peak_allocations, peak_bytes, live_allocations, live_bytes, temporary,
       (SELECT count(*) FROM process AS p WHERE p.run = run.id) AS processes,
       (SELECT count(*) FROM thread AS t WHERE t.run = run.id) AS threads,
       peak_rss_bytes,
       phase, peak_ns / 1e9 AS peak_s, root, events_lost
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
