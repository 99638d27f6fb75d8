-- The public views: documented in the reference, and held by tests. Columns are added at the end, never changed. They
-- are created in the file for users' SQL, and again as temporary views by our own reports, which trust nothing but
-- tables, as a file may come from a stranger.
--
-- {measures: ...} is a list of all measures, see measures.h. What is between "if sampled" and "else" is of files with
-- sampled runs, what is between "else" and "end" of others: see view_forms.c. *_error: the standard error of an estimate.
--
-- peak_* is what was held when the heap of the whole run was largest, live_* what the process never freed. For a run as
-- a whole live_* is what was live when its last process ended, and unfreed_* the sum of what its processes never freed.

CREATE VIEW runs AS
SELECT id AS run, label, command, started, wall_ns / 1e9 AS wall_s, cpu_ns / 1e9 AS cpu_s, exit_status, state,
       allocations, bytes, frees, freed_bytes, peak_allocations, peak_bytes,
       end_allocations AS live_allocations, end_bytes AS live_bytes, temporary,
       (SELECT count(*) FROM process AS p WHERE p.run = run.id) AS processes,
       (SELECT count(*) FROM thread AS t WHERE t.run = run.id) AS threads,
       peak_rss_bytes,
       phase, peak_ns / 1e9 AS peak_s, root, events_lost, damaged, by_thread, why,
       stopped, untraced, stacks_lost, live_allocations AS unfreed_allocations, live_bytes AS unfreed_bytes,
       /*if sampled*/(SELECT g.interval FROM sampling AS g WHERE g.run = run.id)/*else*/NULL/*end*/ AS sample_interval,
       /*if sampled*/(SELECT g.samples FROM sampling AS g WHERE g.run = run.id)/*else*/NULL/*end*/ AS samples,
       /*if sampled*/(SELECT g.allocations FROM sampling AS g WHERE g.run = run.id)/*else*/NULL/*end*/ AS exact_allocations,
       /*if sampled*/(SELECT g.bytes FROM sampling AS g WHERE g.run = run.id)/*else*/NULL/*end*/ AS exact_bytes
FROM run;

CREATE VIEW processes AS
SELECT run, id AS process, pid, parent_pid, command, executable, started_ns / 1e9 AS started_s,
       ended_ns / 1e9 AS ended_s, exit_status, allocations, bytes, peak_bytes, live_bytes,
       frees, freed_bytes, peak_allocations, live_allocations, temporary
FROM process;

CREATE VIEW threads AS
SELECT run, process, tid, name, allocations, bytes, frees, id AS thread
FROM thread;

-- A frame without a line, yet or for good, is shown as 'module+0xoffset'.
CREATE VIEW frame_names AS
SELECT f.run AS run, f.id AS frame,
       CASE WHEN m.path IS NULL OR m.path = '' THEN printf('0x%x', f.offset)
            ELSE replace(m.path, rtrim(m.path, replace(m.path, '/', '')), '') || printf('+0x%x', f.offset) END AS name,
       coalesce(m.path, '') AS module
FROM frame AS f LEFT JOIN module AS m ON m.run = f.run AND m.id = f.module;

-- What was counted at one stack of one process; of one thread of it, where the run was recorded by thread.
CREATE VIEW sites AS
SELECT s.run AS run, s.process AS process, nullif(s.thread, 0) AS thread, s.node AS stack,
       l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT n.name FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                             WHERE o.run = s.run AND o.id = s.node), '[unknown]') AS function,
       coalesce(l.module, (SELECT n.module FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                           WHERE o.run = s.run AND o.id = s.node), '') AS module,
       coalesce(l.language, 'native') AS language,
       {measures: s.# AS #}/*if sampled*/, {estimated: sqrt(s.#_variance) AS #_error}/*else*/, {estimated: 0.0 AS #_error}/*end*/
FROM /*if sampled*/site_estimate/*else*/site/*end*/ AS s LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line
WHERE s.allocations > 0; -- an object whose type showed late may have been counted for another site at a moment

-- The sites of a finished run are added up by line already. Before that (or if the collector was killed) they are added
-- up here, so that the lines add up to the run at any time.
CREATE VIEW lines AS
SELECT t.run AS run, l.file AS file, coalesce(l.line, 0) AS line, coalesce(l.function, '[unknown]') AS function,
       coalesce(l.module, '') AS module, coalesce(l.language, 'native') AS language,
       {measures: t.# AS #}/*if sampled*/, {estimated: sqrt(coalesce(e.#_variance, 0)) AS #_error}/*else*/, {estimated: 0.0 AS #_error}/*end*/
FROM (SELECT a.run AS run, a.line AS line, {measures: add(a.#) AS #}
      FROM run AS r CROSS JOIN line_total AS a ON a.run = r.id
      WHERE r.phase = 'done' GROUP BY a.run, a.line) AS t
LEFT JOIN line AS l ON l.run = t.run AND l.id = t.line
/*if sampled*/LEFT JOIN line_variance AS e ON e.run = t.run AND e.line = t.line/*else*//*end*/
UNION ALL
SELECT t.run, l.file, coalesce(l.line, 0),
       coalesce(l.function, (SELECT n.name FROM frame_names AS n WHERE n.run = t.run AND n.frame = t.frame), '[unknown]'),
       coalesce(l.module, (SELECT n.module FROM frame_names AS n WHERE n.run = t.run AND n.frame = t.frame), ''),
       coalesce(l.language, 'native'),
       {measures: t.#}/*if sampled*/, {estimated: sqrt(t.#_variance)}/*else*/, {estimated: 0.0}/*end*/
FROM (SELECT s.run AS run, s.line AS line, CASE WHEN s.line IS NULL THEN o.frame END AS frame,
             {measures: add(s.#) AS #}/*if sampled*/, {estimated: sum(s.#_variance) AS #_variance}/*else*//*end*/
      FROM run AS r CROSS JOIN /*if sampled*/site_estimate/*else*/site/*end*/ AS s ON s.run = r.id
      LEFT JOIN node AS o ON o.run = s.run AND o.id = s.node
      WHERE r.phase <> 'done'
      GROUP BY s.run, s.line, CASE WHEN s.line IS NULL THEN o.frame END) AS t
LEFT JOIN line AS l ON l.run = t.run AND l.id = t.line;

CREATE VIEW functions AS
SELECT run, function, file, module, language, {measures: add(#) AS #}/*if sampled*/, {estimated: sqrt(sum(#_error * #_error)) AS #_error}/*else*/, {estimated: 0.0 AS #_error}/*end*/
FROM lines GROUP BY run, function, file, module, language;

-- The text is computed only where it is asked for: where there are many stacks, select them first, then their frames. A
-- chain of parents longer than any real stack means a damaged file.
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
       {measures: g.# AS #}/*if sampled*/, {estimated: sqrt(g.#_variance) AS #_error}/*else*/, {estimated: 0.0 AS #_error}/*end*/
FROM (SELECT run, node, {measures: add(#) AS #}/*if sampled*/, {estimated: sum(#_variance) AS #_variance}/*else*//*end*/
      FROM /*if sampled*/site_estimate/*else*/site/*end*/ WHERE allocations > 0 GROUP BY run, node) AS g;

CREATE VIEW leaks AS
SELECT t.run AS run, l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT f.name FROM node AS o JOIN frame_names AS f ON f.run = o.run AND f.frame = o.frame
                             WHERE o.run = t.run AND o.id = t.stack), '[unknown]') AS function,
       t.live_allocations AS live_allocations, t.live_bytes AS live_bytes, t.frames AS stack,
       t.live_allocations_error AS live_allocations_error, t.live_bytes_error AS live_bytes_error
FROM stacks AS t
LEFT JOIN line AS l ON l.run = t.run
      AND l.id = (SELECT s.line FROM site AS s WHERE s.run = t.run AND s.node = t.stack LIMIT 1)
WHERE t.live_allocations > 0;

CREATE VIEW timeline AS
SELECT run, t_ns / 1e9 AS t_s, live_bytes, live_allocations, rss_bytes
FROM sample;

-- The highest heap of the run since the previous mark. The second of two marks in a row so shows what was live then.
CREATE VIEW marks AS
SELECT run, process, id AS mark, name, t_ns / 1e9 AS t_s, CASE kind WHEN 1 THEN 'snapshot' ELSE 'mark' END AS kind,
       lap_peak_allocations AS highest_allocations, lap_peak_bytes AS highest_bytes
FROM mark WHERE kind < 2;
