"""Answers to tasks, by search and by what a policy writes: `codeit solve` and `codeit submit`.

`written.py` is what a policy has written for a task, `misses.py` how far programs are from its
demonstrations, `answer.py` what is known of it in the end. `solver.py` finds answers,
`submission.py` is what is handed in, `partial_file.py` what is kept of it until then. `picture.py`
and `live.py` show a person an answer, and how it comes about; `words.py` has what both commands are
asked, `solve_command.py` and `submit_command.py` the rest.
"""
