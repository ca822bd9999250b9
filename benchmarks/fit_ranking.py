"""By which numbers are the programs that fit a task ranked, and how often are the first ones right?

The question behind `WEIGHTS` in codeit/searching/ranking.py. Training tasks are searched, the
programs of a task itself left out; of each program that is right on all demonstrations the features
are taken, and whether it is right on the tests. The weights are those that make it likeliest that
one that is right comes first (a softmax over the programs of each task, with a small penalty on
large weights), learned on seven of eight tasks and tried on the eighth, in turn; the weights that
are printed are learned on all of them. Votes depend on the weights of the other features, and these
on the votes, so that both are learned in rounds. Tried are, too, length alone, no votes, and the
weights in use. Of each is counted how many tasks are claimed to be solved by two attempts, and how
many of those are not: by a chance that was learned on the other tasks, too.

    python benchmarks/fit_ranking.py [--programs FILE] [--evaluations N] [--step N] [--threads T]
"""

import json
from dataclasses import dataclass

import numpy as np
from harness import Parser, existing_file, whole_number

import codeit
from codeit.parallel.threads import ordered_map
from codeit.searching import ranking
from codeit.searching.corpus import PACKAGED, Corpus
from codeit.searching.engine import search_task
from codeit.searching.records import without_answers
from codeit.searching.settings import SearchSettings
from codeit.searching.votes import agreements

NUM_FOLDS = 8
PENALTY = 0.02
NUM_STEPS = 400
NUM_ROUNDS = 3

NAMES = list(ranking.WEIGHTS)


@dataclass
class Sample:
    """The programs of a task that fit, as far as they are looked at."""

    found: list
    own: np.ndarray
    """Features without votes, [P, F - 1]."""
    agreed: list
    right: np.ndarray
    """Whether each is right on all tests."""
    num_programs: int
    """That fit, looked at or not."""


def sample(task, corpus, settings, evaluations):
    programs = corpus.programs_for(task, settings)
    hidden = without_answers(task)
    result = search_task(hidden, programs, settings, evaluations)
    fitting = [one for one in result.found if one.num_right == len(task.demonstrations)]
    found = ranking.in_first_order(fitting)[: ranking.MOST_LOOKED_AT]
    right = [
        all(
            output is not None and np.array_equal(output, test.output)
            for output, test in zip(one.outputs, task.tests, strict=True)
        )
        for one in found
    ]
    own, agreed = ranking.features(hidden, found), agreements(hidden, found)
    return Sample(found, own, agreed, np.array(right, bool), len(fitting))


def features_by(weights, samples):
    return [ranking.with_votes(s.own, s.agreed, weights) for s in samples]


def learn(samples, use_votes=True):
    """The weights; without votes, theirs is 0."""
    weights = np.zeros(len(NAMES))
    for _ in range(NUM_ROUNDS if use_votes else 1):
        x = features_by(weights, samples)
        if not use_votes:
            x = [features * (np.arange(len(NAMES)) < len(NAMES) - 1) for features in x]
        weights = softmax_weights(x, [s.right for s in samples])
    return weights


def softmax_weights(x, y):
    """For features as they are."""
    mixed = [k for k in range(len(x)) if y[k].any() and not y[k].all()]
    together = np.concatenate([x[k] for k in mixed])
    mean, spread = together.mean(axis=0), together.std(axis=0) + 1e-9
    most = max(len(x[k]) for k in mixed)
    scaled = np.zeros((len(mixed), most, x[0].shape[1]))
    is_there, right = np.zeros((2, len(mixed), most), bool)
    for row, k in enumerate(mixed):
        scaled[row, : len(x[k])] = (x[k] - mean) / spread
        is_there[row, : len(x[k])] = True
        right[row, : len(x[k])] = y[k]
    weights, speed = np.zeros((2, len(mean)))
    for _ in range(NUM_STEPS):
        chance = softmax(np.where(is_there, scaled @ weights, -np.inf))
        wanted = chance * right
        wanted /= np.maximum(wanted.sum(axis=1, keepdims=True), 1e-12)
        gradient = np.einsum("tpf,tp->f", scaled, wanted - chance) / len(mixed)
        speed = 0.9 * speed + gradient - PENALTY * weights
        weights = weights + 0.1 * speed
    return weights / spread


def softmax(scores):
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


class Ranked:
    """The order of the programs of each task by some weights."""

    def __init__(self, samples, weights):
        scores = [x @ weights for x in features_by(weights, samples)]
        orders = [np.argsort(-score, kind="stable") for score in scores]
        self.right = [s.right[order] for s, order in zip(samples, orders, strict=True)]
        self.chance_features = np.array(
            [
                ranking.chance_features(score[order], s.found[order[0]], s.num_programs)
                for s, score, order in zip(samples, scores, orders, strict=True)
            ],
            float,
        )
        self.is_solved = np.array([right[:2].any() for right in self.right])

    def learn_chance(self, tasks):
        """The weights of the chance that one of the first two is right, by logistic regression."""
        x, y = self.chance_features[tasks], self.is_solved[tasks]
        spread = x.std(axis=0) + 1e-9
        spread[-1] = 1
        learned = np.zeros(x.shape[1])
        for _ in range(5 * NUM_STEPS):
            error = y - 1 / (1 + np.exp(-(x / spread) @ learned))
            learned += 0.3 * ((x / spread).T @ error / len(y) - PENALTY * learned)
        return learned / spread


def tried(samples, weights_for):
    """How many tasks have a right one among the first one, two and three; are claimed; are claimed
    and not solved. `weights_for` gives weights that are learned on some of the tasks."""
    counts = np.zeros(5, int)
    numbers = np.arange(len(samples))
    for fold in range(NUM_FOLDS):
        others, here = numbers[numbers % NUM_FOLDS != fold], numbers[fold::NUM_FOLDS]
        ranked = Ranked(samples, weights_for([samples[k] for k in others]))
        odds = ranked.chance_features @ ranked.learn_chance(others)
        for k in here:
            is_claimed = odds[k] >= 0
            counts[:3] += [ranked.right[k][:most].any() for most in (1, 2, 3)]
            counts[3:] += [is_claimed, is_claimed and not ranked.is_solved[k]]
    return counts.tolist()


def rounded(names, weights):
    return dict(zip(names, np.round(weights, 2).tolist(), strict=True))


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
        samples = [s for s in ended if s.found]
    is_solvable = sum(bool(s.right.any()) for s in samples)
    print(f"{len(samples)} of {len(tasks)} tasks have programs that fit, {is_solvable} a right one")
    in_use = np.array(list(ranking.WEIGHTS.values()))
    length = -np.eye(len(NAMES))[NAMES.index("length")]
    figures = {
        "length alone": tried(samples, lambda _: length),
        "the weights in use": tried(samples, lambda _: in_use),
        "learned on other tasks, no votes": tried(samples, lambda some: learn(some, False)),
        "learned on other tasks": tried(samples, learn),
    }
    columns = ("first", "first 2", "first 3", "claimed", "wrongly")
    print(f"{'tasks with a right one':36}" + "".join(f"{name:>9}" for name in columns))
    for name, counts in figures.items():
        print(f"{name:36}" + "".join(f"{count:9}" for count in counts))
    weights = rounded(NAMES, learn(samples))
    ranked = Ranked(samples, np.array(list(weights.values())))
    of_chance = rounded(ranking.CHANCE_WEIGHTS, ranked.learn_chance(np.arange(len(samples))))
    flat = {
        f"{name}, {column}": count
        for name, counts in figures.items()
        for column, count in zip(columns, counts, strict=True)
    }
    record = {"benchmark": "ranking", "figures": flat, "weights": weights, "chance": of_chance}
    print(json.dumps(record))


if __name__ == "__main__":
    main()
