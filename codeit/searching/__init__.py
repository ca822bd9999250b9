"""Search for programs that solve tasks, without a model: `codeit search`.

`engine.py` searches one task; what stands above it is here: many tasks over threads (`search.py`),
what is known of each of them (`records.py`), how many evaluations fit a number of minutes
(`budget.py`), which part of the work is this process's (`shards.py`), what a search was asked
(`plan.py`), what it leaves on disk (`directory.py`, `summary.py`) and the command (`command.py`).
"""
