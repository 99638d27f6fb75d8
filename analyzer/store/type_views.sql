-- The public view of what blocks are, by type and line. It is created in a file together with the table that it reads
-- (type_rows.sql), and always as a temporary view by our own reports. Columns are added at the end, never changed.
CREATE VIEW IF NOT EXISTS types AS
SELECT s.run AS run, y.type AS type, s.language AS language, s.file AS file, s.line AS line, s.function AS function,
       s.module AS module, {measures: add(s.#) AS #}, y.how AS how
FROM sites AS s LEFT JOIN (SELECT run, node, type, CASE how WHEN 2 THEN 'exact' WHEN 1 THEN 'sampled' ELSE 'inferred' END AS how
                           FROM stack_type) AS y ON y.run = s.run AND y.node = s.stack
GROUP BY s.run, y.type, y.how, s.language, s.file, s.line, s.function, s.module;
