-- What a backup needs besides the dump.

-- name: hold_ledger
-- No month leaves the ledger until the transaction ends; first of all in it, before the snapshot.
LOCK TABLE classification IN ACCESS SHARE MODE;

-- name: snapshot
SELECT pg_export_snapshot();

-- name: version
SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,
       (SELECT version_num FROM alembic_version);

-- name: major
SELECT current_setting('server_version_num')::int / 10000;

-- name: tables
-- Every table of ours; a partitioned one once, not its partitions.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname;

-- name: digests
-- Of the pictures of subjects and of those on pages.
SELECT digest FROM location
UNION
SELECT shown.value ->> 'digest' FROM project_page, jsonb_each(pictures) AS shown;
