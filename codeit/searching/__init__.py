"""Search for programs that solve tasks, without a model: `codeit search`.

`engine.py` searches one task; what stands above it is here: many tasks over threads (`search.py`),
the programs that it begins with (`corpus.py`), what is known of a task (`records.py`), how many
evaluations fit a number of minutes (`budget.py`), which part of the work is this process's
(`shards.py`), what a search was asked (`plan.py`), what it leaves on disk (`directory.py`,
`summary.py`), how it begins and goes on (`running.py`), and the command (`command.py`).
"""
