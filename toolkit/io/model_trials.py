"""Draw trials from data dirs: enrolment models of several utterances against test utterances, or utterance pairs."""

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.io.datadir import DataDir, c_sorted, invert
from toolkit.io.enrolment import draw_models
from toolkit.io.errors import InputError, some_of
from toolkit.io.trials import Trials, make_trials

_LISTED = 1 << 22  # up to this number list all pairs and choose; above it draw pairs until there are enough


def make_model_trials(
    models: Mapping[str, Sequence[str]],
    utt2spk: Mapping[str, str],
    num_nontargets: int,
    *,
    targets_per_speaker: int,
    spk2gender: Mapping[str, str] | None = None,
    same_gender_share: float = 0.5,
    seed: int = 0,
) -> Trials:
    """Draw ``model utterance`` trials: targets first, then nontargets; no pair twice, no test utterance in its model.

    Args:
        models: model -> its utterances, all of one speaker.
        utt2spk: utterance -> speaker.
        num_nontargets: number of nontarget pairs.
        targets_per_speaker: number of target pairs per speaker (all, if the speaker has fewer).
        spk2gender: speaker -> gender; None: genders are random.
        same_gender_share: share of nontarget pairs with one gender; the others have two.
        seed: seed of the random generator.

    Raises:
        InputError: there are too few pairs, or a speaker has no gender.
    """
    sampler = _PairSampler(models, utt2spk, spk2gender, np.random.default_rng(seed))
    targets = sampler.targets(targets_per_speaker)
    if spk2gender is None:
        nontargets = sampler.nontargets(num_nontargets, None)
    else:
        same = round(num_nontargets * same_gender_share)
        nontargets = np.concatenate([sampler.nontargets(same, True), sampler.nontargets(num_nontargets - same, False)])
    pairs = np.concatenate([targets, nontargets])
    names = list(dict.fromkeys([*sampler.models, *sampler.utts]))  # a model may have the id of an utterance
    place = {name: i for i, name in enumerate(names)}
    enroll, test = (np.array([place[n] for n in ids], dtype=np.int32) for ids in (sampler.models, sampler.utts))
    return Trials(names, enroll[pairs[:, 0]], test[pairs[:, 1]], np.arange(len(pairs)) < len(targets))


def count_pairs(models: Mapping[str, Sequence[str]], utt2spk: Mapping[str, str]) -> tuple[dict[str, int], int]:
    """Number of target pairs of each speaker with a model, and total number of nontarget pairs."""
    num_utts = {spk: len(utts) for spk, utts in invert(utt2spk).items()}
    targets: dict[str, int] = {}
    nontargets = 0
    for utts in models.values():
        spk = utt2spk[utts[0]]
        targets[spk] = targets.get(spk, 0) + num_utts[spk] - len(utts)
        nontargets += len(utt2spk) - num_utts[spk]
    return targets, nontargets


class _PairSampler:
    """Draws pairs of (model, utterance), as indices into C-sorted lists."""

    def __init__(self, models, utt2spk, spk2gender, rng: np.random.Generator):
        self.rng, self.models = rng, c_sorted(models)
        speakers = invert(utt2spk)
        self.utts = [utt for utts in speakers.values() for utt in utts]  # speaker by speaker
        number = {utt: i for i, utt in enumerate(self.utts)}
        speaker = {spk: i for i, spk in enumerate(speakers)}
        self.num_utts = np.array([len(utts) for utts in speakers.values()])
        self.first = np.cumsum(self.num_utts) - self.num_utts
        self.members = [[number[utt] for utt in models[model]] for model in self.models]
        self.model_spk = np.array([speaker[utt2spk[models[model][0]]] for model in self.models])
        self.gender = np.zeros(len(speakers), dtype=int)
        if spk2gender is not None:
            unknown = [spk for spk in speakers if spk not in spk2gender]
            if unknown:
                raise InputError(f"spk2gender: lacks {some_of(unknown)}; add them, or make trials without spk2gender")
            self.gender = np.unique([spk2gender[spk] for spk in speakers], return_inverse=True)[1]

    def targets(self, per_speaker: int) -> np.ndarray:
        """(n, 2) pairs of a model and another utterance of its speaker."""
        drawn = [np.empty((0, 2), dtype=int)]
        for spk in np.unique(self.model_spk):
            models, utts = np.flatnonzero(self.model_spk == spk), self._utts_of(spk)
            pairs = np.concatenate([self._pairs(m, np.setdiff1d(utts, self.members[m])) for m in models])
            drawn.append(pairs[self.rng.permutation(len(pairs))[:per_speaker]])
        return np.concatenate(drawn)

    @staticmethod
    def _pairs(model: int | np.integer, utts: np.ndarray) -> np.ndarray:
        return np.stack([np.full(len(utts), model), utts], axis=1)

    def nontargets(self, n: int, same_gender: bool | None) -> np.ndarray:
        """(n, 2) pairs of a model and an utterance of another speaker: same gender, other gender, or any (None)."""
        others = {spk: self._others(spk, same_gender) for spk in np.unique(self.model_spk)}
        possible = sum(int(self.num_utts[others[spk]].sum()) for spk in self.model_spk)
        if n > possible:
            kind = {None: "", True: "same-gender ", False: "cross-gender "}[same_gender]
            raise InputError(f"make_trials: {n} {kind}nontarget pairs requested, models and utterances give {possible}")
        if possible <= _LISTED:
            utts = {
                spk: np.concatenate([np.empty(0, dtype=int), *map(self._utts_of, speakers)])
                for spk, speakers in others.items()
            }
            pairs = np.concatenate([self._pairs(model, utts[spk]) for model, spk in enumerate(self.model_spk)])
            return pairs[self.rng.permutation(len(pairs))[:n]]
        usable = np.flatnonzero([len(others[spk]) for spk in self.model_spk])
        codes = np.empty(0, dtype=np.int64)
        while len(codes) < n:
            turn = np.resize(self.rng.permutation(usable), n - len(codes) + len(usable))
            speakers = np.array([self.rng.choice(others[spk]) for spk in self.model_spk[turn]])
            utts = self.first[speakers] + self.rng.integers(self.num_utts[speakers])
            codes = np.concatenate([codes, turn * len(self.utts) + utts])
            codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
        return np.stack(np.divmod(codes[:n], len(self.utts)), axis=1)

    def _utts_of(self, spk: int) -> np.ndarray:
        return self.first[spk] + np.arange(self.num_utts[spk])

    def _others(self, spk: int, same_gender: bool | None) -> np.ndarray:
        """The speakers that models of ``spk`` can be tested against."""
        fits = np.ones(len(self.gender), dtype=bool)
        if same_gender is not None:
            fits = (self.gender == self.gender[spk]) == same_gender
        fits[spk] = False
        return np.flatnonzero(fits)


def draw_pairs(data: DataDir, args) -> Trials:
    """Draw trials of two utterances."""
    utt2spk = data.table("utt2spk")
    sizes = [len(utts) for utts in invert(utt2spk).values()]
    if len(sizes) < 2 or max(sizes) < 2:
        raise InputError(
            f"{data.path}: trials need two speakers, and two utterances of one speaker; got {len(sizes)} speakers"
        )
    targets = sum(min(args.targets_per_speaker, n * (n - 1) // 2) for n in sizes)
    possible = (len(utt2spk) ** 2 - sum(n * n for n in sizes)) // 2
    nontargets, gender = nontargets_of(targets, possible, data, args)
    return make_trials(
        utt2spk, nontargets, targets_per_speaker=args.targets_per_speaker, spk2gender=gender, seed=args.seed
    )


def draw_with_models(data: DataDir, args) -> tuple[Trials, dict[str, list[str]]]:
    """Draw trials of an enrolment model against an utterance; returns also the models."""
    utt2spk = data.table("utt2spk")
    models = draw_models(utt2spk, args.enroll_utts, args.seed)
    available, possible = count_pairs(models, utt2spk)
    if not available or not possible:
        raise InputError(
            f"{data.path}: models of {args.enroll_utts} utterances need two speakers, and a speaker with "
            f"{args.enroll_utts + 1} utterances; lower --enroll_utts"
        )
    targets = sum(min(args.targets_per_speaker, n) for n in available.values())
    nontargets, gender = nontargets_of(targets, possible, data, args)
    trials = make_model_trials(
        models, utt2spk, nontargets, targets_per_speaker=args.targets_per_speaker, spk2gender=gender, seed=args.seed
    )
    enrolled = {trials.ids[i] for i in set(trials.enroll.tolist())}
    return trials, {model: utts for model, utts in models.items() if model in enrolled}


def nontargets_of(targets: int, possible: int, data: DataDir, args) -> tuple[int, Mapping[str, str] | None]:
    """Number of nontargets to draw; spk2gender if it exists and leaves enough pairs."""
    count = round(targets * args.nontargets_per_target)
    heed = "spk2gender" in data and count < possible // 4
    return min(count, possible), data.table("spk2gender") if heed else None
