-- Workflows in which nothing is left to decide.

-- name: settled_versions
-- The versions in force that all subjects have followed.
SELECT v.id FROM project p JOIN cascade_version v ON v.id = p.version_id WHERE v.settled_at IS NOT NULL ORDER BY v.id;

-- name: finish
-- Each workflow $1 with a workflow $2 from which subjects may still come to it, itself among them. One is finished when
-- none of these has an undecided subject on its piles (audits, tier 3, hold nothing up) and something has retired from
-- it; that is announced once, until there are undecided subjects again. The piles are exact where totals lag behind:
-- every stage that is open or contested lies on one, from the transaction that made it so to the one that ends it.
WITH judged AS MATERIALIZED (
    SELECT q.workflow_id,
           bool_or((SELECT 1 FROM dealable d WHERE d.workflow_id = q.source_id AND d.tier < 3 LIMIT 1) IS NOT NULL)
               AS busy
    FROM unnest($1::int[], $2::int[]) AS q (workflow_id, source_id)
    GROUP BY q.workflow_id
), begun_anew AS (
    UPDATE workflow_total t SET finished_at = NULL
    FROM judged j
    WHERE t.workflow_id = j.workflow_id AND j.busy AND t.finished_at IS NOT NULL
), finished AS (
    UPDATE workflow_total t SET finished_at = now()
    FROM judged j
    WHERE t.workflow_id = j.workflow_id AND NOT j.busy AND t.finished_at IS NULL
      AND (SELECT 1 FROM label l WHERE l.workflow_id = t.workflow_id LIMIT 1) IS NOT NULL
    RETURNING t.workflow_id
), announced AS (
    INSERT INTO outbox (project_id, kind, workflow_id)
    SELECT w.project_id, 'workflow.finished', w.id
    FROM finished f JOIN workflow w ON w.id = f.workflow_id
    ORDER BY w.id
    RETURNING 1
)
SELECT count(*) FROM announced;
