"""The decision engine: what is asked of whom, what the answers prove, and where a subject goes next.

Here live the words of the engine (`vocabulary`), the graph of a project's workflows (`graph`), how it is declared,
checked and compared (`declaration`, `difference`), what a vote weighs and when it decides (`skill`, `decision`), what
is dealt (`dealing`) and the proof that a stored ledger follows from its votes (`replay`).

Everything is a pure function on values. What may not live here: a clock, a source of randomness of its own, a log,
`await`, files, the network, SQL, HTTP. It imports numpy, `scipy.special` and the parts of the standard library that do
no I/O, and no other package of this project. Evidence is counted in micro-nats, in integers: sums are exact, and undo
restores the bits.
"""
