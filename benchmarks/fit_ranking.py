"""By which numbers are the programs that fit a task ranked, and how often are the first ones right?

The question behind `WEIGHTS` in codeit/searching/ranking.py. Training tasks are searched, the
programs of a task itself left out; of each program that is right on all demonstrations the features
are taken, and whether it is right on the tests. The weights are those that make it likeliest that
one that is right comes first (a softmax over the programs of each task, with a small penalty on
large weights), learned on seven of eight tasks and tried on the eighth, in turn; the weights that
are printed are learned on all of them. Tried are, too, length alone, and the weights in use.

    python benchmarks/fit_ranking.py [--programs FILE] [--evaluations N] [--step N] [--threads T]
"""

import json

import numpy as np
from harness import Parser, existing_file, whole_number

import codeit
from codeit.parallel.threads import ordered_map
from codeit.searching.corpus import PACKAGED, Corpus
from codeit.searching.engine import search_task
from codeit.searching.ranking import CHANCE_WEIGHTS, WEIGHTS, chance_features, features
from codeit.searching.records import without_answers
from codeit.searching.settings import SearchSettings

NUM_FOLDS = 8
PENALTY = 0.02
NUM_STEPS = 400


def sample(task, corpus, settings, evaluations):
    """Features of the programs that fit, and which of them are right on all tests."""
    programs = corpus.programs_for(task, settings)
    result = search_task(without_answers(task), programs, settings, evaluations)
    found = [one for one in result.found if one.num_right == len(task.demonstrations)]
    right = [
        all(
            output is not None and np.array_equal(output, test.output)
            for output, test in zip(one.outputs, task.tests, strict=True)
        )
        for one in found
    ]
    return features(task, found), np.array(right, bool)


def learn(samples):
    """The weights, for features as they are."""
    mixed = [(x, y) for x, y in samples if y.any() and not y.all()]
    together = np.concatenate([x for x, _ in mixed])
    mean, spread = together.mean(axis=0), together.std(axis=0) + 1e-9
    weights, speed = np.zeros(len(mean)), np.zeros(len(mean))
    for _ in range(NUM_STEPS):
        gradient = -PENALTY * weights * len(mixed)
        for x, y in mixed:
            scaled = (x - mean) / spread
            chance = np.exp(scaled @ weights - (scaled @ weights).max())
            chance /= chance.sum()
            wanted = chance * y / max((chance * y).sum(), 1e-12)
            gradient += scaled.T @ (wanted - chance)
        speed = 0.9 * speed + gradient / len(mixed)
        weights = weights + 0.1 * speed
    return weights / spread


def right_among_first(samples, scores):
    """In how many tasks one of the first one, two and three is right."""
    counts = [0, 0, 0]
    for (_, right), score in zip(samples, scores, strict=True):
        order = np.argsort(-score, kind="stable")
        for k in range(3):
            counts[k] += bool(right[order[: k + 1]].any())
    return counts


def crossed(samples):
    """The scores of each task by weights that were learned without it."""
    scores = [None] * len(samples)
    for fold in range(NUM_FOLDS):
        weights = learn([s for k, s in enumerate(samples) if k % NUM_FOLDS != fold])
        for k in range(fold, len(samples), NUM_FOLDS):
            scores[k] = samples[k][0] @ weights
    return scores


def learn_chance(samples, weights):
    """The weights of the chance that one of the first two is right, by logistic regression."""
    x, y = [], []
    for some, right in samples:
        scores = some @ weights
        order = np.argsort(-scores, kind="stable")
        x.append(chance_features(scores[order], len(scores)))
        y.append(float(right[order[:2]].any()))
    x, y = np.array(x), np.array(y)
    spread = x.std(axis=0) + 1e-9
    spread[-1] = 1
    learned = np.zeros(x.shape[1])
    for _ in range(5 * NUM_STEPS):
        error = y - 1 / (1 + np.exp(-(x / spread) @ learned))
        learned += 0.3 * ((x / spread).T @ error / len(y) - PENALTY * learned)
    return dict(zip(CHANCE_WEIGHTS, np.round(learned / spread, 2).tolist(), strict=True))


def main():
    parser = Parser(__doc__)
    parser.add_argument(
        "--programs", type=existing_file, help="a corpus; that of the package if omitted"
    )
    parser.add_argument("--evaluations", type=whole_number(1), default=300_000, help="a task")
    parser.add_argument("--step", type=whole_number(1), default=1, help="every so-manyth task")
    parser.add_argument("--threads", type=whole_number(1), default=1)
    arguments = parser.parse_args()
    with parser.checking():
        corpus = Corpus.load(str(arguments.programs or PACKAGED))
    settings = SearchSettings(leave_own_out=True)
    tasks = list(codeit.arc.load("arc1-training"))[:: arguments.step]
    with ordered_map(
        lambda task: sample(task, corpus, settings, arguments.evaluations), tasks, arguments.threads
    ) as ended:
        samples = [s for s in ended if len(s[1])]
    is_solvable = sum(bool(right.any()) for _, right in samples)
    print(f"{len(samples)} of {len(tasks)} tasks have programs that fit, {is_solvable} a right one")
    in_use = np.array(list(WEIGHTS.values()))
    length = -np.eye(len(WEIGHTS))[list(WEIGHTS).index("length")]
    figures = {
        "length alone": right_among_first(samples, [x @ length for x, _ in samples]),
        "the weights in use": right_among_first(samples, [x @ in_use for x, _ in samples]),
        "learned on other tasks": right_among_first(samples, crossed(samples)),
    }
    print(f"{'tasks with a right one among the first':40}    1    2    3")
    for name, counts in figures.items():
        print(f"{name:40}" + "".join(f"{count:5}" for count in counts))
    weights = dict(zip(WEIGHTS, np.round(learn(samples), 2).tolist(), strict=True))
    among = {
        f"{name}, among the first {k}": count
        for name, counts in figures.items()
        for k, count in enumerate(counts, 1)
    }
    of_chance = learn_chance(samples, np.array(list(weights.values())))
    record = {"benchmark": "ranking", "figures": among, "weights": weights, "chance": of_chance}
    print(json.dumps(record))


if __name__ == "__main__":
    main()
