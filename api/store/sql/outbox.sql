-- The statements of the sequencer.

-- name: waits
SELECT EXISTS (SELECT 1 FROM outbox WHERE position IS NULL);

-- name: lock
-- Held until the commit is visible, so the next holder's statements see all positions that were given.
SELECT pg_advisory_xact_lock($1);

-- name: number
-- Give the next positions to committed rows, in the order of their ids.
WITH fresh AS MATERIALIZED (
    SELECT waiting.id, row_number() OVER (ORDER BY waiting.id) AS place
    FROM (SELECT id FROM outbox WHERE position IS NULL ORDER BY id LIMIT $1) waiting
), latest AS MATERIALIZED (
    SELECT coalesce(max(position), 0) AS position FROM outbox
), numbered AS (
    UPDATE outbox o SET position = latest.position + fresh.place
    FROM fresh, latest
    WHERE o.id = fresh.id
    RETURNING 1
)
SELECT count(*) FROM numbered;

-- name: announce
-- Wake those who listen when this transaction commits; what they are told is how far they can read then.
SELECT pg_notify($1, coalesce(max(position), 0)::text) FROM outbox;
