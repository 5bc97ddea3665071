-- Calibrations, as whoever weighs votes or lets subjects enter reads them.

-- name: in_force
-- The calibrations in force of the workflows of a version's project; a workflow without any is left out.
SELECT w.id, w.calibration
FROM cascade_version v JOIN workflow w ON w.project_id = v.project_id
WHERE v.id = $1 AND w.calibration > 0;

-- name: read
SELECT c.workflow_id, c.revision, c.prior, c.prevalence, c.hard, c.accept, c.reject, c.proven, c.scores::text
FROM unnest($1::int[], $2::int[]) AS q (workflow_id, revision)
JOIN calibration c ON c.workflow_id = q.workflow_id AND c.revision = q.revision;

-- name: of_project
-- Every calibration that the workflows of a project have had.
SELECT c.workflow_id, c.revision, c.prior, c.prevalence, c.hard, c.accept, c.reject, c.proven, c.scores::text
FROM calibration c JOIN workflow w ON w.id = c.workflow_id
WHERE w.project_id = $1;
