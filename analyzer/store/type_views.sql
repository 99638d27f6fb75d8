-- The public view of what blocks are, by type and line, and what it reads. They are created in a file together with the
-- tables that they read (type_rows.sql), and always as temporary views by our own reports. Columns are added at the end,
-- never changed.

-- Sites, of which those of a stack with parts are divided; the parts add up to the site.
CREATE VIEW IF NOT EXISTS site_by_type AS
SELECT s.run AS run, coalesce(p.part, s.node) AS node, s.process AS process, s.thread AS thread, s.line AS line,
       s.leaf AS leaf, {measures: coalesce(s.# * (p.start + p.seen) / p.looks - s.# * p.start / p.looks, s.#) AS #},
       s.smallest AS smallest, s.largest AS largest, s.sizes AS sizes, s.lifetimes AS lifetimes,
       p.start AS start, p.seen AS seen, p.looks AS looks
       /*if sampled*/, {measures: coalesce(s.#_variance * p.seen / p.looks, s.#_variance) AS #_variance}/*else*//*end*/
FROM /*if sampled*/site_estimate/*else*/site/*end*/ AS s LEFT JOIN stack_part AS p ON p.run = s.run AND p.node = s.node;

CREATE VIEW IF NOT EXISTS types AS
SELECT s.run AS run, y.type AS type, coalesce(l.language, 'native') AS language, l.file AS file, coalesce(l.line, 0) AS line,
       coalesce(l.function, (SELECT n.name FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                             WHERE o.run = s.run AND o.id = s.node), '[unknown]') AS function,
       coalesce(l.module, (SELECT n.module FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame
                           WHERE o.run = s.run AND o.id = s.node), '') AS module,
       {measures: add(s.#) AS #}, CASE y.how WHEN 2 THEN 'exact' WHEN 1 THEN 'sampled' WHEN 0 THEN 'inferred' END AS how,
       sum(CASE WHEN y.how = 1 THEN s.seen END) AS seen, sum(CASE WHEN y.how = 1 THEN s.looks END) AS looks
       /*if sampled*/, {estimated: sqrt(sum(s.#_variance)) AS #_error}/*else*/, {estimated: 0.0 AS #_error}/*end*/
FROM (SELECT run, node, line, {measures: add(#) AS #}, max(seen) AS seen, max(looks) AS looks
             /*if sampled*/, {estimated: sum(#_variance) AS #_variance}/*else*//*end*/ FROM site_by_type
      GROUP BY run, node, line) AS s
LEFT JOIN stack_type AS y ON y.run = s.run AND y.node = s.node
LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line
GROUP BY 1, y.type, y.how, 3, 4, 5, 6, 7;

CREATE VIEW IF NOT EXISTS object_types AS
SELECT o.run AS run, o.type AS type, o.basic_size AS basic_size, o.item_size AS item_size, o.has_dict AS has_dict,
       o.at_run_time AS at_run_time, l.file AS file, l.line AS line, l.function AS function,
       k.keys AS shared_keys
FROM object_type AS o LEFT JOIN line AS l ON l.run = o.run AND l.id = o.line
LEFT JOIN object_keys AS k ON k.run = o.run AND k.type = o.type;
