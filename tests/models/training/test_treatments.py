import numpy as np
import pandas as pd
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import cross_entropy, normalize

from cood.errors import StudyError
from cood.metrics.directions import orthogonality as mean_cosine
from cood.metrics.linear import fit_additive, r_squared
from cood.models.training.treatments import (
    RIDGE,
    Treatment,
    additivity,
    orthogonality,
    stated_words,
    word_map,
)
from cood.settings import TREATMENTS
from cood.splits import PERMUTATIONS
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped"), ("hat", "dog", "bus", "sun"))
N_ATTRIBUTES, N_OBJECTS = 3, 4
ACTIVE = TREATMENTS[1:]
TRUE = [name for name in ACTIVE if not name.endswith("_placebo")]
PLACEBOS = [name for name in ACTIVE if name.endswith("_placebo")]


def captions(n=24, seed=0, **columns):
    """A table of n captions, a third of them of one word only."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "composition": rng.integers(WORDS.size, size=n),
            "captioned": rng.integers(WORDS.size, size=n),
            "names": rng.choice(["pair", "pair", "pair", "pair", "object", "attribute"], size=n),
        }
    )
    return table.assign(**columns)


def random_embeddings(n=24, d=8, seed=0, dtype=torch.float32):
    """Embeddings [2, n, d] of both sides, of lengths that differ."""
    values = np.random.default_rng(seed).normal(size=(2, n, d)) * [[[3.0]], [[0.2]]]
    return torch.tensor(values, dtype=dtype)


def by_numpy(embeddings, stated):
    """Mean squared cosine and share of variance left, from the formulas, word by word."""
    e, x = np.asarray(embeddings, float), np.asarray(stated, float)
    z = e / np.linalg.norm(e, axis=1, keepdims=True)
    z, x = z - z.mean(axis=0), x - x.mean(axis=0)
    # Ridge is least squares with RIDGE more rows, in which each word alone should give 0.
    more = np.vstack([x, np.sqrt(RIDGE) * np.eye(x.shape[1])])
    w = np.linalg.lstsq(more, np.vstack([z, np.zeros((x.shape[1], z.shape[1]))]), rcond=None)[0]
    occurs = [k for k in range(x.shape[1]) if x[:, k].any()]
    squares = [
        (w[i] @ w[j]) ** 2 / (w[i] @ w[i]) / (w[j] @ w[j])
        for i in occurs
        for j in occurs
        if i < N_ATTRIBUTES <= j
    ]
    return np.mean(squares), ((z - x @ w) ** 2).sum() / (z**2).sum()


def gradients(treatment, embeddings, batch=None):
    """Gradients [2, n, d] of what a treatment adds, at these embeddings."""
    images, texts = (side.clone().requires_grad_() for side in embeddings)
    batch = torch.arange(len(images)) if batch is None else batch
    treatment.penalty(images, texts, batch).backward()
    return torch.stack([images.grad, texts.grad])


def treatment_of(name, strength=1.0, table=None, seed=0):
    table = captions() if table is None else table
    return Treatment(name, strength, stated_words(table, WORDS), N_ATTRIBUTES, seed)


def test_words_of_a_caption_are_those_that_it_states():
    table = pd.DataFrame(
        {
            "composition": [0, 0, 0, 0],
            "captioned": [0, 5, 5, 11],
            "names": ["pair", "pair", "object", "attribute"],
        }
    )
    red_hat, blue_dog = [1, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0, 0]
    dog, striped = [0, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0]
    stated = stated_words(table, WORDS)
    assert stated.dtype == torch.float32
    assert stated.tolist() == [red_hat, blue_dog, dog, striped]


def test_the_drawing_states_nothing():
    table = captions()
    other = table.assign(composition=table["composition"].to_numpy()[::-1])
    assert not other["composition"].equals(table["composition"])
    assert torch.equal(stated_words(table, WORDS), stated_words(other, WORDS))


def test_captions_of_one_word_contribute_no_other():
    embeddings = random_embeddings()
    table = captions(names="object")
    # Only the attribute of what they were written for differs, which they do not state.
    other = table.assign(captioned=table["captioned"] % N_OBJECTS)
    assert not other["captioned"].equals(table["captioned"])
    one, same = (stated_words(t, WORDS) for t in (table, other))
    assert one[:, :N_ATTRIBUTES].sum() == 0
    assert torch.equal(additivity(embeddings, one), additivity(embeddings, same))


def test_what_is_wrong_with_captions_is_said():
    with pytest.raises(StudyError, match=r"unknown value of names 'objekt'; did you mean object"):
        stated_words(captions(names="objekt"), WORDS)
    with pytest.raises(
        StudyError, match=r"captioned is 12 in 24 of 24 rows.* compositions 0 to 11"
    ):
        stated_words(captions(captioned=12), WORDS)


@pytest.mark.parametrize("seed", range(3))
def test_penalties_are_those_of_an_independent_computation(seed):
    stated = stated_words(captions(seed=seed), WORDS)
    embeddings = random_embeddings(seed=seed, dtype=torch.float64)
    known = np.array([by_numpy(side, stated) for side in embeddings])
    np.testing.assert_allclose(orthogonality(embeddings, stated, N_ATTRIBUTES), known[:, 0])
    np.testing.assert_allclose(additivity(embeddings, stated), known[:, 1])
    single = embeddings.float()
    np.testing.assert_allclose(orthogonality(single, stated, N_ATTRIBUTES), known[:, 0], rtol=1e-4)
    np.testing.assert_allclose(additivity(single, stated), known[:, 1], rtol=1e-4)


def test_words_that_do_not_vary_are_left_out():
    table = captions(captioned=np.arange(24) % N_OBJECTS, names="pair")  # all of them red
    table.loc[3:, "captioned"] += N_OBJECTS  # and then most of them blue
    stated = stated_words(table, WORDS)
    assert stated[:, 2].sum() == 0
    embeddings = random_embeddings(dtype=torch.float64)
    assert (word_map(stated)[2] == 0).all()
    expected = by_numpy(embeddings[0], stated)[0]
    np.testing.assert_allclose(orthogonality(embeddings, stated, N_ATTRIBUTES)[0], expected)
    # A word that all captions state is part of the mean.
    everywhere = stated.clone()
    everywhere[:, 2] = 1
    assert (word_map(everywhere)[2] == 0).all()
    again = orthogonality(embeddings, everywhere, N_ATTRIBUTES)[0]
    np.testing.assert_allclose(again, expected)


def test_known_answers():
    ids = np.repeat(np.arange(WORDS.size), 50)
    stated = stated_words(pd.DataFrame({"captioned": ids, "names": "pair"}), WORDS)
    corners = np.zeros((WORDS.size, 7))
    corners[np.arange(WORDS.size), WORDS.attribute_of(np.arange(WORDS.size))] = 1
    corners[np.arange(WORDS.size), 3 + WORDS.object_of(np.arange(WORDS.size))] = 1
    apart = torch.from_numpy(corners[ids])
    assert orthogonality(apart, stated, N_ATTRIBUTES).item() < 1e-20
    assert 0 < additivity(apart, stated).item() < 1e-3  # the shrinkage of the ridge
    # Attributes turn by as much as objects, in one plane: all vectors lie near one line.
    angle = 1e-3 * (WORDS.attribute_of(ids) ** 2 + WORDS.object_of(ids))
    line = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert orthogonality(line, stated, N_ATTRIBUTES).item() > 0.99
    # A sign that attribute and object decide only together is no sum of word vectors.
    sign = torch.tensor([[1.0, 1], [1, -1], [1, -1], [1, 1]]).repeat(50, 1)
    square = Vocabulary(("red", "blue"), ("hat", "dog"))
    table = pd.DataFrame({"captioned": np.arange(200) % 4, "names": "pair"})
    np.testing.assert_allclose(additivity(sign, stated_words(table, square)), 1, atol=1e-6)


def test_penalties_do_not_depend_on_length_rotation_or_order():
    stated, e = stated_words(captions(), WORDS), random_embeddings(dtype=torch.float64)
    rotation = torch.linalg.qr(random_embeddings(n=8, dtype=torch.float64)[0])[0]
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    lengths = torch.linspace(0.1, 9, 24, dtype=torch.float64)[:, None]
    for penalty in (lambda e, x: orthogonality(e, x, N_ATTRIBUTES), additivity):
        known = penalty(e, stated)
        for other in (penalty(e * lengths, stated), penalty(e @ rotation, stated)):
            torch.testing.assert_close(other, known)
        torch.testing.assert_close(penalty(e[:, order], stated[order]), known)


@pytest.mark.parametrize("name", TRUE)
def test_gradients_are_finite_differences(name):
    treatment = treatment_of(name, strength=2.5)
    images, texts = random_embeddings(n=10, d=5, dtype=torch.float64).requires_grad_()
    batch = torch.arange(10)
    assert torch.autograd.gradcheck(lambda i, t: treatment.penalty(i, t, batch), (images, texts))


@pytest.mark.parametrize("name", TRUE)
def test_a_placebo_is_as_strong_on_each_side_and_points_elsewhere(name):
    embeddings = random_embeddings()
    true = gradients(treatment_of(name), embeddings)
    placebo = gradients(treatment_of(f"{name}_placebo"), embeddings)
    lengths = true.norm(dim=(1, 2))
    assert lengths[1] > 2 * lengths[0]  # embeddings of the text side are shorter
    torch.testing.assert_close(placebo.norm(dim=(1, 2)), lengths)
    cosine = (true * placebo).sum(dim=(1, 2)) / lengths**2
    assert (cosine.abs() < 0.5).all()


@pytest.mark.parametrize("name", PLACEBOS)
def test_a_placebo_is_the_penalty_of_permuted_words(name):
    embeddings, table = random_embeddings(), captions()
    treatment = treatment_of(name, table=table, seed=5)
    found = [gradients(treatment, embeddings) for _ in range(2)]
    assert not torch.allclose(found[0], found[1])  # a new permutation at each step
    order = np.random.default_rng((5, PERMUTATIONS)).permutation(24)
    permuted = table.iloc[order].reset_index(drop=True)
    true = treatment_of(name.removesuffix("_placebo"), table=permuted)
    expected = gradients(true, embeddings)
    # The same permutation for both sides, and each side scaled as a whole.
    directions = [g / g.norm(dim=(1, 2), keepdim=True) for g in (found[0], expected)]
    torch.testing.assert_close(*directions)


@pytest.mark.parametrize("name", PLACEBOS)
def test_a_placebo_adds_nothing_to_the_value(name):
    images, texts = random_embeddings()
    value = treatment_of(name, strength=10.0).penalty(images, texts, torch.arange(24))
    assert abs(value.item()) < 1e-5


@pytest.mark.parametrize("name", ACTIVE)
def test_strength_multiplies_the_gradient(name):
    one, three = (gradients(treatment_of(name, s), random_embeddings()) for s in (1.0, 3.0))
    assert one.norm() > 0
    torch.testing.assert_close(three, 3 * one)


@pytest.mark.parametrize("name", ACTIVE)
def test_a_batch_has_the_words_of_its_captions(name):
    table, batch = captions(n=40), torch.tensor([7, 3, 31, 12, 0, 39, 22, 15])
    embeddings = random_embeddings(n=8)
    whole = gradients(treatment_of(name, table=table), embeddings, batch)
    part = table.iloc[batch.numpy()].reset_index(drop=True)
    torch.testing.assert_close(whole, gradients(treatment_of(name, table=part), embeddings))


@pytest.mark.parametrize("name", ACTIVE)
def test_treatments_are_deterministic_by_seed_and_leave_the_random_state_of_torch(name):
    before = torch.get_rng_state()
    runs = [gradients(treatment_of(name, seed=s), random_embeddings()) for s in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[0], runs[2]) == (name in TRUE)  # only placebos draw


@pytest.mark.parametrize("name", TRUE)
def test_embeddings_may_be_on_a_gpu_and_the_words_on_the_cpu(name):
    treatment, batch = treatment_of(name), torch.arange(24)
    # Computes no values, but refuses to mix devices, and needs no GPU.
    with FakeTensorMode(allow_non_fake_inputs=True):
        images, texts = torch.ones(2, 24, 8, device="cuda")
        assert treatment.penalty(images, texts, batch).device.type == "cuda"


@pytest.mark.parametrize("name", ACTIVE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_batch_has_no_penalty_and_no_gradient(name, dtype):
    constant = torch.tensor([0.1, 0.7, -0.3, 1.9], dtype=dtype).expand(2, 24, 4)
    lengths = torch.linspace(0.3, 3, 24, dtype=dtype)[:, None]
    for embeddings in (constant, constant * lengths, torch.zeros(2, 24, 4, dtype=dtype)):
        treatment = treatment_of(name)
        assert treatment.penalty(*embeddings, torch.arange(24)) == 0
        assert (gradients(treatment, embeddings) == 0).all()


@pytest.mark.parametrize("name", [n for n in ACTIVE if n.startswith("orthogonality")])
@pytest.mark.parametrize("names", ["object", "attribute"])
def test_without_attributes_or_objects_nothing_can_be_orthogonal(name, names):
    treatment = treatment_of(name, table=captions(names=names))
    assert (gradients(treatment, random_embeddings()) == 0).all()


@pytest.mark.parametrize("name", ACTIVE)
def test_extreme_batches_have_finite_gradients(name):
    one_constant = random_embeddings()
    one_constant[1] = 1
    two = (random_embeddings(n=1), random_embeddings(n=2), one_constant)
    for embeddings in (*two, random_embeddings() * 1e-6, random_embeddings() * 1e6):
        assert torch.isfinite(gradients(treatment_of(name), embeddings)).all()
    assert (gradients(treatment_of(name), one_constant)[1] == 0).all()
    assert (gradients(treatment_of(name), one_constant)[0] != 0).any()
    # All captions alike: no word varies, and nothing is explained.
    alike = treatment_of(name, table=captions(captioned=3, names="pair"))
    assert torch.isfinite(gradients(alike, random_embeddings())).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "orthogonal"}, "unknown treatment 'orthogonal'; did you mean orthogonality"),
        ({"strength": -1.0}, "treatment 'additivity': strength is -1.0; give 0 or more"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"n_attributes": 7}, "7 attributes of 7 words"),
    ],
)
def test_wrong_treatments_are_refused(change, message):
    stated = stated_words(captions(), WORDS)
    good = {"name": "additivity", "strength": 1.0, "stated": stated, "seed": 0}
    with pytest.raises(StudyError, match=message):
        Treatment(**{"n_attributes": N_ATTRIBUTES, **good, **change})


def trained(name, strength, steps=80):
    """Weights of the towers, random state of torch, mean |cos| and R^2 of images not trained on."""
    rng = np.random.default_rng(0)
    ids = rng.integers(WORDS.size, size=600)
    stated = stated_words(pd.DataFrame({"captioned": ids, "names": "pair"}), WORDS)
    # Words are as alike as in a plane, and attribute and object also say something together.
    single, double = rng.normal(size=(7, 20)), rng.normal(size=(WORDS.size, 20))
    texts = stated @ torch.tensor(single, dtype=torch.float32)
    noise = torch.tensor(rng.normal(size=(600, 20)), dtype=torch.float32)
    images = texts + 0.7 * torch.tensor(double[ids], dtype=torch.float32) + 0.7 * noise
    torch.manual_seed(0)
    towers = torch.nn.ModuleList([torch.nn.Linear(20, 8), torch.nn.Linear(20, 8)])
    optimiser = torch.optim.AdamW(towers.parameters(), lr=1e-2)
    treatment = Treatment(name, strength, stated, N_ATTRIBUTES, seed=0)
    for _ in range(steps):
        batch = torch.randperm(300)[:64]
        image, text = towers[0](images[batch]), towers[1](texts[batch])
        logits = 10 * normalize(image, dim=-1) @ normalize(text, dim=-1).T
        loss = cross_entropy(logits, torch.arange(64)) + treatment.penalty(image, text, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.inference_mode():
        codes = normalize(towers[0](images[300:]), dim=-1).numpy()
    factors = np.stack([WORDS.attribute_of(ids), WORDS.object_of(ids)], axis=1)[300:]
    fit = fit_additive(codes, factors)
    measured = {"cosine": mean_cosine(fit).value, "r_squared": r_squared(fit).value}
    return {"weights": towers.state_dict(), "random": torch.get_rng_state(), **measured}


@pytest.fixture(scope="module")
def runs():
    return {name: trained(name, 3.0) for name in TREATMENTS}


def test_each_treatment_moves_what_it_penalises(runs):
    cosine = {name: run["cosine"] for name, run in runs.items()}
    left = {name: 1 - run["r_squared"] for name, run in runs.items()}
    for other in ("none", "orthogonality_placebo"):
        assert cosine["orthogonality"] < 0.5 * cosine[other]
    for other in ("none", "additivity_placebo"):
        assert left["additivity"] < 0.6 * left[other]


@pytest.mark.parametrize(("name", "strength"), [("none", 1.0), *((n, 0.0) for n in ACTIVE)])
def test_no_treatment_computes_nothing(name, strength):
    treatment = treatment_of(name, strength)
    images, texts = random_embeddings().requires_grad_()
    value = treatment.penalty(images, texts, torch.arange(24))
    assert not treatment.active
    assert value == 0
    assert not value.requires_grad


@pytest.mark.parametrize("name", ACTIVE)
def test_a_strength_of_zero_is_no_treatment_bit_for_bit(runs, name):
    run, none = trained(name, 0.0), runs["none"]
    assert all(torch.equal(run["weights"][key], value) for key, value in none["weights"].items())
    assert torch.equal(run["random"], none["random"])
    assert not torch.equal(runs[name]["weights"]["0.weight"], none["weights"]["0.weight"])
