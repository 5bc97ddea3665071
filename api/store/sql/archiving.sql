-- Months of the ledger that leave the database, and come back. archiving.py puts in what stands in braces.

-- name: claim
-- One process archives or restores at a time.
SELECT pg_try_advisory_lock($1);

-- name: release
SELECT pg_advisory_unlock($1);

-- name: partitions
-- The months that have a partition, with an estimate of its rows and its size, and those that lie in a file.
SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month, 'database' AS place, greatest(c.reltuples, 0)::bigint AS rows,
       pg_total_relation_size(c.oid) AS bytes
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'classification'::regclass AND c.relname ~ '^classification_\d{4}_\d{2}$'
UNION ALL
SELECT month, path, rows, NULL FROM archived_month
ORDER BY month;

-- name: is_partition
SELECT EXISTS (
    SELECT FROM pg_inherits WHERE inhparent = 'classification'::regclass AND inhrelid = to_regclass($1)
);

-- name: archived
SELECT month, path, rows, sha256 FROM archived_month WHERE month = $1;

-- name: archived_months
SELECT month, path, rows, sha256 FROM archived_month ORDER BY month;

-- name: columns
SELECT attname FROM pg_attribute
WHERE attrelid = 'classification'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;

-- name: checksum
-- How many rows there are, and the sum of a hash of each: the same for the same rows in any order.
SELECT count(*) AS rows, coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text AS checksum FROM {month};

-- name: rows
-- The rows in the order in which exports go through the ledger.
SELECT {columns} FROM {month} ORDER BY received_at, workflow_id, subject_id, ordinal, kind, client_id;

-- name: hold
-- Nobody writes to the month until the transaction ends. No vote does: it goes to the month that it arrives in.
LOCK TABLE {month} IN SHARE MODE;

-- name: drop
ALTER TABLE classification DETACH PARTITION {month};
DROP TABLE {month};

-- name: note
INSERT INTO archived_month (month, path, rows, sha256) VALUES ($1, $2, $3, $4);

-- name: forget
DELETE FROM archived_month WHERE month = $1;

-- name: create
CREATE TABLE {month} (LIKE classification INCLUDING DEFAULTS INCLUDING CONSTRAINTS);

-- name: gather
-- What went to the default partition since, because the month had none.
WITH late AS (
    DELETE FROM classification_default WHERE received_at >= $1 AND received_at < $2 RETURNING *
)
INSERT INTO {month} SELECT * FROM late;

-- name: bound
-- With this the server need not look through the rows again to believe that they are of the month.
ALTER TABLE {month} ADD CONSTRAINT month CHECK (received_at >= '{since}' AND received_at < '{until}');

-- name: attach
ALTER TABLE classification ATTACH PARTITION {month} FOR VALUES FROM ('{since}') TO ('{until}');
ALTER TABLE {month} DROP CONSTRAINT month;
