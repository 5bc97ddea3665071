-- What the worker counts.

-- name: ages
-- Every workflow, and how many seconds ago it was counted.
SELECT w.id, extract(epoch FROM now() - t.counted_at)::float8 AS age
FROM workflow w LEFT JOIN workflow_total t ON t.workflow_id = w.id
ORDER BY w.id;

-- name: claim
-- Keep other workers from the same job until the transaction ends; false if one of them is at it.
SELECT pg_try_advisory_xact_lock($1, $2);

-- name: count_stages
INSERT INTO workflow_total (workflow_id, open, contested, retired, retired_yes, retired_no, votes)
SELECT $1, count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2),
       count(*) FILTER (WHERE state = 2 AND answer = 1), count(*) FILTER (WHERE state = 2 AND answer = 0),
       coalesce(sum(n_yes + n_no + n_unsure + u_yes + u_no + u_unsure), 0)
FROM stage WHERE workflow_id = $1
ON CONFLICT (workflow_id) DO UPDATE SET open = excluded.open, contested = excluded.contested,
    retired = excluded.retired, retired_yes = excluded.retired_yes, retired_no = excluded.retired_no, votes = excluded.votes, counted_at = now();

-- name: set_contested_bars
-- The skill that a quarter of the proven persons of a workflow reach; proven is as cascade.skill has it.
UPDATE workflow_total t SET contested_bar = b.bar
FROM (
    SELECT o.workflow_id,
           (percentile_disc(0.75) WITHIN GROUP (ORDER BY s.informedness))::bigint AS bar
    FROM workflow_total o
    LEFT JOIN skill s ON s.workflow_id = o.workflow_id AND s.informedness > 0
        AND s.no_no >= $1 AND s.yes_yes >= $1
    GROUP BY o.workflow_id
) b
WHERE b.workflow_id = t.workflow_id AND b.bar IS DISTINCT FROM t.contested_bar;
