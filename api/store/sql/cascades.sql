-- name: read_version
SELECT v.id, v.number, v.project_id, v.digest, v.declaration, v.workflow_ids::text
FROM cascade_version v WHERE v.id = $1;
