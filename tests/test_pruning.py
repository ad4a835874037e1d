"""Physical pruning: the pruned model gives the logits of the masked one, and is a model like any other.

Over 400 lines because every family goes through the same few promises, and shared keys and values have their own.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import headviz as hv
from headviz.cost import cost, pruned_bytes
from headviz.families import family_of
from headviz.families.family import INPUTS
from headviz.families.layout import GQA
from headviz.pruned_modeling import model_classes
from headviz.saving import cuts_of_weights, masked_view
from tests.test_no_trace import state
from tests.tiny import (
    CUTTABLE,
    DECODERS,
    FAMILIES,
    GROUPED,
    IMAGES,
    LABELS,
    tiny_images,
    tiny_labels,
    tiny_model,
    tiny_texts,
)

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(12), "label": tiny_labels(12)}))
# of the largest logit; how far two ways to reckon the same may differ in each dtype
TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}


def subject_of(family: str, *, dtype: str = "float32", **config: Any) -> hv.Subject:
    model, processor = tiny_model(family, **config)
    for parameter in model.parameters():  # not .to(): from_pretrained leaves the angles of positions in float32, too
        parameter.data = parameter.data.to(getattr(torch, dtype))
    return hv.Subject.wrap(model, processor, name=f"tiny-{family}")


def mask_of(subject: hv.Subject) -> hv.Mask:
    """Uneven layers, one of them empty, where weights can carry that; two heads of the shared layer else."""
    keep = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]], dtype=bool)
    return hv.Mask(np.array([[0, 1, 0, 1]] * 3, dtype=bool) if subject.family == "albert" else keep, subject=subject)


@torch.no_grad()
def logits_of(subject: hv.Subject, keep: np.ndarray | None = None, texts: list[str] | None = None) -> Tensor:
    """Logits of texts of different lengths, as one padded batch, or of images."""
    given = tiny_images(4) if subject.family in IMAGES else tiny_texts(8) if texts is None else texts
    inputs = subject.encode([(one,) for one in given]).batch(np.arange(len(given))).inputs
    return subject.forward(inputs, gates=None if keep is None else subject.gates(keep)).float()


def require_equal(found: Tensor, expected: Tensor, dtype: str = "float32") -> None:
    """Logits within what their dtype allows, and the same predictions where that cannot change them."""
    atol = TOLERANCE[dtype] * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)
    first, second = expected.topk(2, dim=1).values.T
    clear = first - second > 2 * atol
    assert torch.equal(found.argmax(1)[clear], expected.argmax(1)[clear])


class Cut(NamedTuple):
    """A random model and mask: all that `subject_of` and `hv.prune` ask for."""

    dtype: str
    config: dict[str, Any]
    keep: np.ndarray
    gqa: str

    @property
    def heads(self) -> tuple[int, ...]:
        """How many heads of each layer keep weights."""
        total, keys = self.config["heads"], self.config.get("num_key_value_heads")
        if keys in (None, total) or self.gqa == "exact":
            return tuple(self.keep.sum(axis=1).tolist())
        if self.gqa == "folded":
            return (total,) * len(self.keep)
        groups = self.keep.reshape(len(self.keep), keys, total // keys)
        return tuple((groups.any(axis=2).sum(axis=1) * (total // keys)).tolist())


@st.composite
def cuts(draw: st.DrawFn, family: str) -> Cut:
    """A dtype, sizes, a side of padding, a way to cut, and a mask that weights can carry and that keeps a head."""
    layers, heads = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    config: dict[str, Any] = {"layers": layers, "heads": heads, "hidden": heads * draw(st.sampled_from([4, 8]))}
    if family not in IMAGES:
        config["padding_side"] = draw(st.sampled_from(["left", "right"]))
    if family in GROUPED:
        config["num_key_value_heads"] = draw(
            st.sampled_from([keys for keys in range(1, heads + 1) if not heads % keys])
        )
    groups = layers
    if family == "albert":
        config["num_hidden_groups"] = groups = draw(st.integers(1, layers))
    rows = st.lists(st.booleans(), min_size=heads, max_size=heads)
    of_groups = draw(st.lists(rows, min_size=groups, max_size=groups).filter(lambda lists: any(map(any, lists))))
    keep = np.array([of_groups[int(layer / (layers / groups))] for layer in range(layers)], dtype=bool)
    return Cut(draw(st.sampled_from(sorted(TOLERANCE))), config, keep, draw(st.sampled_from(GQA)))


@pytest.mark.parametrize("family", CUTTABLE)
@settings(max_examples=12)
@given(data=st.data())
def test_pruned_model_gives_the_logits_of_the_masked_one(family: str, data: st.DataObject) -> None:
    cut = data.draw(cuts(family))
    subject, mask = subject_of(family, dtype=cut.dtype, **cut.config), hv.Mask(cut.keep)
    bytes_said = pruned_bytes(subject, mask, cut.gqa)
    pruned = hv.prune(subject, mask, gqa=cut.gqa)
    assert pruned.heads == cut.heads and pruned.cut == mask
    assert sum(weight.nbytes for weight in pruned.model.parameters()) == bytes_said
    require_equal(logits_of(pruned), logits_of(subject, cut.keep), cut.dtype)


@pytest.mark.parametrize("family", CUTTABLE)
def test_pruned_model_has_the_parameters_that_cost_promises(family: str) -> None:
    subject = subject_of(family)
    mask = mask_of(subject)
    pruned = hv.prune(subject, mask)
    saved = int(cost(subject, mask)["parameters_saved"].sum())
    assert saved > 0
    assert pruned.parameters == subject.parameters - saved
    assert pruned.attention_parameters == subject.attention_parameters - saved  # type: ignore[operator]


@pytest.mark.parametrize("family", CUTTABLE)
def test_pruning_takes_the_rows_and_columns_of_cut_heads_and_leaves_the_rest(family: str) -> None:
    subject = subject_of(family, **({"num_key_value_heads": 4} if family in GROUPED else {}))
    keep = mask_of(subject).keep
    pruned = hv.prune(subject, mask_of(subject))
    pairs = zip(family_of(subject.model).uses(subject.model), family_of(pruned.model).uses(pruned.model), strict=True)
    for layer, (before, after) in enumerate(pairs):
        rows = np.repeat(keep[layer], before.head_size)
        for part in INPUTS:
            assert torch.equal(after.weight(part), before.weight(part)[rows])
            bias, whole_bias = after.bias(part), before.bias(part)
            assert bias is whole_bias is None or torch.equal(bias, whole_bias[rows])  # type: ignore[arg-type,index]
        assert torch.equal(after.weight("output"), before.weight("output")[:, rows])
        bias, whole_bias = after.bias("output"), before.bias("output")
        assert bias is whole_bias is None or torch.equal(bias, whole_bias)  # type: ignore[arg-type]
    whole, smaller = subject.model.state_dict(), pruned.model.state_dict()
    assert whole.keys() == smaller.keys()
    same = [name for name in whole if whole[name].shape == smaller[name].shape]
    assert len(same) < len(whole)
    assert all(torch.equal(whole[name], smaller[name]) for name in same)


@pytest.mark.parametrize("family", CUTTABLE)
def test_pruning_leaves_no_trace_and_shares_no_weights(family: str) -> None:
    model, tokenizer = tiny_model(family)
    model.train()
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    before, generator = state(model), torch.random.get_rng_state()
    pruned = hv.prune(subject, mask_of(subject))
    with torch.no_grad():
        for parameter in pruned.model.parameters():
            parameter.zero_()
    assert state(model) == before
    assert torch.equal(torch.random.get_rng_state(), generator)


@pytest.mark.parametrize("family", [*FAMILIES, "gpt2"])
def test_pruned_subject_is_scored_masked_and_pruned_again(family: str) -> None:
    subject = subject_of(family)
    pruned = hv.prune(subject, mask_of(subject))
    scores = hv.score(pruned, DATA)
    assert np.array_equal(np.isfinite(scores.his), pruned.head_present)
    assert np.array_equal(np.isfinite(scores.ae), pruned.head_present)
    heads = [f"L{layer}H0" for layer in range(3)] if family == "albert" else ["L0H1", "L2H0"]
    mask = hv.Mask.full(pruned).with_toggled(*heads)
    again = hv.prune(pruned, mask)
    masked = hv.evaluate(pruned, DATA, mask)
    np.testing.assert_allclose(hv.evaluate(again, DATA).logits, masked.logits, rtol=0, atol=1e-4)
    # in the numbers of the whole model: L0 kept 0, 2, 3 and loses its second; L2 kept 1, 3 and loses its first
    expected = {f"L{layer}H3" for layer in range(3)} if family == "albert" else {"L0H0", "L0H3", "L2H3"}
    assert again.cut is not None and set(again.cut.kept) == expected
    require_equal(logits_of(again), logits_of(subject, again.cut.keep))


@pytest.mark.parametrize("name", sorted(hv.criteria))
def test_every_criterion_ranks_the_heads_of_an_uneven_model(name: str) -> None:
    subject = subject_of("bert")
    pruned = hv.prune(subject, mask_of(subject))
    options = {"alpha": 0.5} if name == "hies" else {"space": "pca"} if name == "cahp" else {}
    found = hv.criteria[name](pruned, DATA, **options)
    assert np.array_equal(np.isfinite(found.values), pruned.head_present)
    assert hv.select(found, 2, least_per_layer=1).count == 3


def test_pruned_subject_says_what_was_cut() -> None:
    subject = subject_of("bert")
    mask = mask_of(subject).with_provenance(criterion={"name": "his"}, measured={"accuracy": {"value": 0.5}})
    pruned = hv.prune(subject, mask)
    assert pruned.name == "tiny-bert-5-of-12-heads"
    assert pruned.notes == ("Pruned: 5 of 12 heads are left; layer 1 has none.",)
    assert (pruned.family, pruned.labels, pruned.heads, pruned.shape) == ("bert", LABELS, (3, 0, 2), (3, 3))
    assert pruned.cut == mask and pruned.cut is not None
    record = pruned.cut.provenance
    assert record["model"]["fingerprint"] == subject.fingerprint != pruned.fingerprint
    assert record["criterion"] == {"name": "his"} and record["measured"] == {"accuracy": {"value": 0.5}}


def test_pruning_again_keeps_the_record_of_the_first_and_counts_heads_as_the_whole_model_does() -> None:
    subject = subject_of("bert")
    once = hv.prune(subject, mask_of(subject).with_provenance(criterion={"name": "his"}))
    twice = hv.prune(once, hv.Mask.full(once).with_toggled("L0H1"))
    assert twice.name == "tiny-bert-4-of-12-heads"
    assert twice.notes == ("Pruned: 4 of 12 heads are left; layer 1 has none.",)
    assert twice.cut is not None
    record = twice.cut.provenance
    assert record["model"]["fingerprint"] == subject.fingerprint
    assert record["criterion"] == {"by_hand": ["L0H2"]}
    assert [(step["criterion"], step["kept"]) for step in record["before"]] == [({"name": "his"}, 5)]


def test_cut_of_nothing_leaves_the_record_of_the_cut_and_adds_what_was_measured_since() -> None:
    subject = subject_of("bert")
    once = hv.prune(subject, mask_of(subject).with_provenance(criterion={"name": "his"}))
    nothing = hv.select(hv.criteria["weight_l2"](once, DATA), 0)
    assert nothing.provenance["criterion"]["name"] == "weight_l2"
    same = hv.prune(once, nothing)
    assert same.name == once.name and same.cut is not None and once.cut is not None
    assert same.cut.provenance == once.cut.provenance and same.fingerprint == once.fingerprint
    figures = {"measured": {"accuracy": {"value": 0.25}}, "measured_on": {"part": "report", "name": "d"}}
    told = hv.prune(once, nothing.with_provenance(**figures)).cut
    assert told is not None and told.provenance["criterion"] == {"name": "his"} and "before" not in told.provenance
    assert told.provenance["measured"] == figures["measured"]
    assert told.provenance["measured_on"] == {"after": "cutting", "part": "report", "name": "d"}


def test_criterion_that_chose_no_head_is_named_nowhere() -> None:
    subject = subject_of("bert")
    nothing = hv.select(hv.criteria["weight_l2"](subject, DATA), 0)
    cut = hv.prune(subject, nothing).cut
    assert cut is not None and not {"criterion", "data", "selection"} & set(cut.provenance)


def test_record_over_two_prunings_names_every_head_as_the_whole_model_does() -> None:
    subject = subject_of("bert")
    first = mask_of(subject).with_provenance(criterion={"name": "his"}, measured={"accuracy": {"value": 0.5}})
    once = hv.prune(subject, first)
    assert (once.heads, hv.Mask(first.keep).kept[1]) == ((3, 0, 2), "L0H2")
    swaps = [{"cut": "L0H1", "restored": "L0H2", "loss": 1.0}]
    record = {
        "criterion": {"name": "hies", "options": {}, "by_hand": ["L0H1"]},
        "steps": [{"by": "search", "swaps": swaps}, {"by": "lock", "heads": ["L0H2"]}],
        "selection": {"prune": 1, "always": ["L0H1"]},
    }
    twice = hv.prune(once, hv.Mask.full(once).with_toggled("L0H1").with_provenance(**record)).cut
    assert twice is not None
    told, names = twice.provenance, ("L0H2", "L0H3")
    assert told["criterion"]["by_hand"] == told["selection"]["always"] == [names[0]]
    assert told["steps"][0]["swaps"] == [{"cut": names[0], "restored": names[1], "loss": 1.0}]
    assert told["steps"][1]["heads"] == [names[1]]
    (before,) = told["before"]
    assert before["measured"] == {"accuracy": {"value": 0.5}} and before["measured_on"] == {"after": "masking"}


def test_pruned_model_wrapped_anew_still_says_what_was_cut() -> None:
    subject = subject_of("bert")
    pruned = hv.prune(subject, mask_of(subject))
    wrapped = hv.Subject.wrap(pruned.model, pruned.processor, name="mine")
    assert wrapped.cut == mask_of(subject)
    assert hv.prune(wrapped, hv.Mask.full(wrapped).with_toggled("L0H0")).name == "mine-4-of-12-heads"


def test_pruning_nothing_gives_an_equal_model() -> None:
    subject = subject_of("bert")
    pruned = hv.prune(subject, hv.Mask.full(subject))
    assert pruned.heads == subject.heads and pruned.fingerprint == subject.fingerprint
    assert torch.equal(logits_of(pruned), logits_of(subject))


def test_families_of_the_table_can_all_be_pruned() -> None:
    assert sorted(model_classes()) == sorted(CUTTABLE)


# Shared keys and values: the tiny Llama has four heads of size 8, H0 and H1 on one key, H2 and H3 on the other


def grouped(keep: list[list[int]], gqa: str, **config: Any) -> tuple[Any, Any, hv.Subject]:
    """The last layer before and after a cut, and the pruned subject."""
    subject = subject_of("llama", layers=len(keep), **config)
    pruned = hv.prune(subject, hv.Mask(np.array(keep, dtype=bool)), gqa=gqa)
    return *(family_of(one.model).uses(one.model)[-1] for one in (subject, pruned)), pruned


def test_whole_groups_are_freed_and_a_head_cut_in_a_living_one_stays_as_zeros() -> None:
    before, after, pruned = grouped([[1, 1, 0, 0], [0, 0, 0, 1]], "groups")
    assert pruned.heads == (2, 2) and [call.kv_heads for call in pruned.calls] == [1, 1]
    assert torch.equal(after.weight("query"), before.weight("query")[16:])
    assert torch.equal(after.weight("key"), before.weight("key")[8:])
    assert torch.equal(after.weight("value"), before.weight("value")[8:])
    assert not after.weight("output")[:, :8].any()
    assert torch.equal(after.weight("output")[:, 8:], before.weight("output")[:, 24:])
    assert pruned.zeroed == ("L1H2",)
    assert pruned.cut is not None and pruned.cut.pruned == ("L0H2", "L0H3", "L1H0", "L1H1", "L1H2")
    assert pruned.cut.provenance["grouped"] == {"gqa": "groups", "zeroed": ["L1H2"]}
    assert pruned.notes == (
        "Pruned: 3 of 8 heads are left.",
        "Cut, but still there as zeros in the weights: L1H2.",
    )


def test_exact_repeats_a_key_where_groups_are_left_with_unequal_numbers_of_heads() -> None:
    before, after, pruned = grouped([[1, 0, 1, 1]], "exact")
    assert pruned.heads == (3,) and pruned.zeroed == ()
    rows = torch.cat([torch.arange(8), torch.arange(16, 32)])
    assert torch.equal(after.weight("query"), before.weight("query")[rows])
    assert torch.equal(after.weight("output"), before.weight("output")[:, rows])
    keys = torch.cat([torch.arange(8), torch.arange(8, 16), torch.arange(8, 16)])
    assert torch.equal(after.weight("key"), before.weight("key")[keys])
    assert torch.equal(after.weight("value"), before.weight("value")[keys])


@pytest.mark.parametrize(
    ("heads", "keys", "keep", "expected"),
    [
        (4, 2, [0, 1, 1, 0], 2),  # one of each: two heads, each with the key that it had
        (4, 1, [0, 1, 1, 0], 1),  # all heads share one key, and no number of them is unequal
        (4, 2, [0, 0, 1, 1], 1),
        (8, 2, [1, 1, 0, 0, 1, 1, 1, 1], 3),  # two and four heads: the second key serves two and two
        (6, 2, [1, 1, 0, 1, 1, 1], 5),  # two and three heads share nothing evenly
    ],
)
def test_exact_repeats_no_key_more_often_than_it_must(heads: int, keys: int, keep: list[int], expected: int) -> None:
    _, after, pruned = grouped([keep], "exact", heads=heads, hidden=8 * heads, num_key_value_heads=keys)
    assert (after.heads, after.kv_heads) == (sum(keep), expected)
    assert pruned.zeroed == ()


def test_folded_keeps_every_shape_and_changes_the_output_projections_alone() -> None:
    subject = subject_of("llama")
    pruned = hv.prune(subject, mask_of(subject), gqa="folded")
    whole, folded = subject.model.state_dict(), pruned.model.state_dict()
    changed = {name for name in whole if not torch.equal(whole[name], folded[name])}
    assert changed == {f"model.layers.{layer}.self_attn.o_proj.weight" for layer in range(3)}
    assert set(pruned.zeroed) == set(mask_of(subject).pruned)
    assert pruned.notes[-1].startswith("No weights are gone") and "still there as zeros" in pruned.notes[-2]


def test_cut_of_one_shared_key_is_never_silently_nothing() -> None:
    _, _, pruned = grouped([[0, 1, 1, 1]], "groups", num_key_value_heads=1)
    assert pruned.notes[1:] == (
        "Cut, but still there as zeros in the weights: L0H0.",
        "No weights are gone: every cut head shares its key and value with one that is kept, or was to keep its shape. "
        'gqa="exact" takes the weights of each cut head.',
    )


def test_repeated_keys_that_outweigh_the_cut_are_told() -> None:
    # four and three heads share nothing evenly: seven keys and values, where two were, for one head less
    _, after, pruned = grouped([[1, 1, 1, 1, 1, 1, 1, 0]], "exact", heads=8, hidden=64, num_key_value_heads=2)
    assert after.kv_heads == 7
    assert pruned.notes[-1].startswith("There are more weights than before: keys and values are repeated")


def test_pruning_again_in_another_way_frees_what_was_zeroed() -> None:
    subject = subject_of("llama")
    once = hv.prune(subject, mask_of(subject), gqa="folded")
    twice = hv.prune(once, hv.Mask.full(once).with_toggled("L0H3"), gqa="groups")
    assert twice.heads == (4, 0, 4) and twice.zeroed == ("L0H1", "L0H3", "L2H0", "L2H2")
    assert set(twice.cut.kept) == {"L0H0", "L0H2", "L2H1", "L2H3"}  # type: ignore[union-attr]
    thrice = hv.prune(twice, hv.Mask.full(twice), gqa="exact")
    assert thrice.heads == (2, 0, 2) and thrice.zeroed == () and thrice.cut == twice.cut
    assert not any("zeros" in note or "No weights" in note for note in thrice.notes)
    require_equal(logits_of(thrice), logits_of(subject, twice.cut.keep))  # type: ignore[union-attr]


@pytest.mark.parametrize("family", DECODERS)
@settings(max_examples=3)
@given(data=st.data())
def test_pruned_language_model_generates_with_its_cache_what_the_masked_one_does(
    family: str, data: st.DataObject
) -> None:
    cut = data.draw(cuts(family))
    subject = subject_of(family, auto="AutoModelForCausalLM", **{**cut.config, "padding_side": "left"})
    pruned = hv.prune(subject, hv.Mask(cut.keep), gqa=cut.gqa)
    require_equal(logits_of(pruned), logits_of(subject, cut.keep))
    masked: Any = masked_view(subject.model, cuts_of_weights(subject.model, hv.Mask(cut.keep)))
    masked.set_attn_implementation("sdpa")
    inputs = subject.processor(tiny_texts(3, longest=12), padding=True, return_tensors="pt")
    how = {"max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False}
    expected = masked.generate(**inputs, **how)
    for use_cache in (True, False):
        assert torch.equal(pruned.model.generate(**inputs, **how, use_cache=use_cache), expected)  # type: ignore[operator]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_cache_counts_tokens_where_the_first_layer_has_no_heads(family: str) -> None:
    subject = subject_of(family, auto="AutoModelForCausalLM")
    keep = np.array([[0, 0, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1]], dtype=bool)
    model: Any = hv.prune(subject, hv.Mask(keep)).model
    ids = subject.processor("the film was not good", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        whole = model(ids).logits
        first = model(ids[:, :3], use_cache=True)
        assert first.past_key_values.get_seq_length() == 3
        rest = model(ids[:, 3:], past_key_values=first.past_key_values).logits
    torch.testing.assert_close(rest, whole[:, 3:], rtol=0, atol=1e-5)


def test_pruned_language_model_keeps_how_the_whole_one_generates() -> None:
    """These settings stand in a file of their own, and config.json does not hold them: a chat model's second end."""
    subject = subject_of("llama", auto="AutoModelForCausalLM")
    whole: Any = subject.model.generation_config
    whole.eos_token_id, whole.temperature, whole.do_sample, whole.max_new_tokens = [3, 7], 0.3, True, 9
    pruned = hv.prune(subject, mask_of(subject))
    found: Any = pruned.model.generation_config
    assert found.to_dict() == whole.to_dict()
    found.eos_token_id.append(9)
    assert whole.eos_token_id == [3, 7]


# Refusals


def test_pruning_by_a_mask_of_other_head_counts_names_both() -> None:
    with pytest.raises(hv.MaskError, match="mask is for 2 layers of 2 heads, but the model has 3 layers of 4 heads"):
        hv.prune(subject_of("bert"), hv.Mask([[1, 0], [1, 1]]))


@pytest.mark.parametrize("given", [None, np.ones((3, 4), dtype=bool), "mask.json"])
def test_pruning_by_what_is_no_mask_says_what_one_is(given: Any) -> None:
    with pytest.raises(hv.MaskError, match=rf"mask must be an hv\.Mask\. Got a {type(given).__name__}"):
        hv.prune(subject_of("bert"), given)


def test_pruning_every_head_is_refused() -> None:
    with pytest.raises(hv.MaskError, match="cuts every head"):
        hv.prune(subject_of("bert"), hv.Mask(np.zeros((3, 4), dtype=bool)))


def test_pruning_in_only_some_uses_of_a_shared_layer_names_the_head() -> None:
    subject = subject_of("albert")
    with pytest.raises(hv.MaskError, match=r"L0H2 is cut but L1H2 is kept.*Cut L0H2, L1H2, L2H2 together"):
        hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H2"))


def test_pruning_in_an_unknown_way_names_the_known_ones() -> None:
    subject = subject_of("bert")
    with pytest.raises(hv.MaskError, match="'whole' is not one of groups, exact, folded"):
        hv.prune(subject, hv.Mask.full(subject), gqa="whole")


def test_pruning_a_family_outside_the_table_names_the_families() -> None:
    model, tokenizer = tiny_model("bert")
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    other = copy.copy(model)
    other.config = copy.deepcopy(model.config)
    object.__setattr__(other.config, "model_type", "camembert")
    object.__setattr__(subject, "model", other)
    with pytest.raises(hv.LoadError, match=r"'camembert'.*Use one of albert, bert"):
        hv.prune(subject, hv.Mask.full(subject))


def test_pruning_a_model_whose_forward_is_its_own_is_refused() -> None:
    """Its weights have the usual names, but what it does with them is not what its family does."""
    model, tokenizer = tiny_model("bert")

    class Louder(type(model)):  # type: ignore[misc]
        def forward(self, *args: Any, **options: Any) -> Any:
            output = super().forward(*args, **options)
            output.logits = 2 * output.logits
            return output

    model.__class__ = Louder
    subject = hv.Subject.wrap(model, tokenizer, name="loud")
    with pytest.raises(hv.LoadError, match=r"loud \(Louder\) gives other logits once its heads are cut"):
        hv.prune(subject, mask_of(subject))
