-- The public views of where the resident bytes are, and of what programs map by themselves. They are created in a file
-- together with the tables that they read (page_rows.sql, mapped_rows.sql), and always as temporary views by our own
-- reports. Columns are added at the end, never changed. Where a row has no line (names were not known yet at that
-- moment), it is found by the stack, in any process: a forked process has blocks and mappings of the process it was
-- forked from.
CREATE VIEW IF NOT EXISTS resident AS
SELECT r.run AS run, r.moment AS moment, m.t_ns / 1e9 AS t_s,
       CASE m.kind WHEN 1 THEN 'mark' WHEN 2 THEN 'high' WHEN 3 THEN 'end' ELSE 'asked' END AS kind,
       nullif(m.mark, 0) AS mark, r.process AS process,
       CASE r.part WHEN 0 THEN 'live' WHEN 1 THEN 'rounding' WHEN 2 THEN 'pinned' WHEN 3 THEN 'free' WHEN 4 THEN 'mapped'
                   WHEN 5 THEN 'stacks' WHEN 6 THEN 'files' WHEN 7 THEN 'tracer' WHEN 9 THEN 'untouched'
                   ELSE 'other' END AS part,
       l.file AS file, CASE WHEN r.node > 0 THEN coalesce(l.line, 0) END AS line,
       CASE WHEN r.node > 0
            THEN coalesce(l.function, (SELECT n.name FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                                       WHERE o.run = r.run AND o.id = r.node), '[unknown]') END AS function,
       nullif(r.name, '') AS name, r.bytes AS bytes, r.blocks AS blocks,
       CASE WHEN r.node > 0
            THEN coalesce(l.module, (SELECT n.module FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                                     WHERE o.run = r.run AND o.id = r.node), '') END AS module,
       CASE WHEN r.node > 0 THEN coalesce(l.language, 'native') END AS language
FROM page_row AS r JOIN page_moment AS m ON m.run = r.run AND m.id = r.moment AND m.process = r.process
LEFT JOIN line AS l ON l.run = r.run
      AND l.id = coalesce(nullif(r.line, 0),
                          CASE WHEN r.part = 4
                               THEN (SELECT s.line FROM mapped_site AS s
                                     WHERE s.run = r.run AND s.node = r.node LIMIT 1)
                               ELSE (SELECT s.line FROM site AS s
                                     WHERE s.run = r.run AND s.node = r.node LIMIT 1) END);

-- What was mapped at one stack of one process: mmap() and the like, called by the program or by one of its libraries.
CREATE VIEW IF NOT EXISTS mapped AS
SELECT s.run AS run, s.process AS process, s.node AS stack,
       l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT n.name FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                             WHERE o.run = s.run AND o.id = s.node), '[unknown]') AS function,
       coalesce(l.module, (SELECT n.module FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                           WHERE o.run = s.run AND o.id = s.node), '') AS module,
       coalesce(l.language, 'native') AS language,
       {measures: s.# AS #}
FROM mapped_site AS s LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line;
