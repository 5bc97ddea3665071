"""Playing a real vote log through a running service, over HTTP alone, as a rough network would deliver it.

`vote_logs` reads the log, `batches` shuffles it into overlapping batches, `sending` sends them from many clients at
once. Making the project, its subjects and the tokens is not done here: the command does that beside the service.
"""
