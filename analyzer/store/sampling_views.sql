-- What the views and our reports read of files with sampled runs: sites with the variances of their measures, 0 in exact
-- runs. Created in a file together with the tables that they read (sampling_rows.sql).

-- The variances that are not stored are those of a model, see variances.h in analyzer/query.
CREATE VIEW IF NOT EXISTS site_estimate AS
SELECT s.*, {estimated: coalesce(e.#, 0.0) AS #_variance},
       CASE WHEN s.bytes < 1.0 * s.allocations * g.interval
            THEN 1.0 * s.temporary * s.allocations * g.interval / (1.0 * s.bytes + s.allocations) ELSE 0.0 END
       AS temporary_variance,
       CASE WHEN s.bytes < 1.0 * s.allocations * g.interval THEN 1.0 * s.own_peak_bytes * g.interval ELSE 0.0 END
       AS own_peak_bytes_variance,
       CASE WHEN s.bytes < 1.0 * s.allocations * g.interval THEN 1.0 * s.own_peak_bytes_least * g.interval ELSE 0.0 END
       AS own_peak_bytes_least_variance
FROM site AS s LEFT JOIN site_error AS e ON e.run = s.run AND ({key: e.#}) = ({key: s.#})
LEFT JOIN sampling AS g ON g.run = s.run;

-- By line; of sampled runs alone.
CREATE VIEW IF NOT EXISTS line_variance AS
SELECT e.run AS run, coalesce(s.line, 0) AS line, {estimated: sum(e.#) AS #_variance}
FROM site_error AS e JOIN site AS s ON s.run = e.run AND ({key: s.#}) = ({key: e.#})
GROUP BY 1, 2;
