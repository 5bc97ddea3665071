"""Playing a real vote log: to policies side by side, or through a running service.

`vote_logs` reads the log. Offline, `streams` shuffles it, `rivals` and `sequential` play policies over a stream, `arms`
adds throwaway accounts and drift, `comparing` does so for many seeds, and `figures` says what came out. Through the
service, over HTTP alone and as a rough network would deliver it, `batches` cuts the log into overlapping batches and
`sending` sends them from many clients at once; making the project, its subjects and the tokens is not done here: the
command does that beside the service.
"""
