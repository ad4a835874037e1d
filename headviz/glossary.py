"""The words of headviz: one sentence per term, shared by help bubbles, the command line and the docs.

``glossary["attention_entropy"]`` is a `Term`. Keys are lower_snake; names that people also search for ("ae", "mcc")
find the same term, but only a term's own key is listed. Every name in ``hv.criteria`` has an entry. This file is over
400 lines because it is a list of texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term: how it is written, its one sentence, and the keys of related terms."""

    title: str
    sentence: str
    see_also: tuple[str, ...] = ()


_TERMS: dict[str, Term] = {
    "ablation": Term(
        "Ablation",
        "Taking one head away (gate 0) and measuring how much the loss rises, with the rest of the model as it was.",
        ("shapley", "gate"),
    ),
    "accuracy": Term(
        "Accuracy",
        "The share of examples on which the model predicts the true label.",
        ("macro_f1", "matthews", "constant_classifier"),
    ),
    "adapter": Term(
        "Adapter",
        "A small trainable module beside frozen weights; here a LoRA adapter on the projections that survive pruning.",
        ("lora", "recovery"),
    ),
    "agreement": Term(
        "Agreement",
        "The share of examples on which the masked model predicts the same class (or next token) as the "
        "unpruned one, whatever the true label.",
        ("constant_classifier", "accuracy"),
    ),
    "alpha": Term(
        "Alpha",
        "The weight of importance in HIES, from 0 to 1; at 1 the ranking is HIS alone, at 0 entropy alone.",
        ("hies", "his", "attention_entropy"),
    ),
    "attention_entropy": Term(
        "Attention entropy (AE)",
        "How widely a head spreads its attention, 0 when every query looks at one token, 1 when it looks at "
        "all it may see equally: Shannon entropy over the visible keys divided by the log of their number, "
        "averaged over queries and examples.",
        ("attention_sink", "focused", "hies"),
    ),
    "attention_map": Term(
        "Attention map",
        "The S x S weights with which a head mixes values, rows = queries summing to 1, padding left out.",
        ("attention_entropy", "attention_sink"),
    ),
    "attention_sink": Term(
        "Attention sink",
        "A head that puts nearly all its attention on one token, often the first, and so adds almost nothing.",
        ("attention_entropy", "attention_map"),
    ),
    "bootstrap": Term(
        "Bootstrap",
        "Redrawing the examples with replacement many times, seeded, to see how far a number varies.",
        ("confidence_interval",),
    ),
    "cahp": Term(
        "CAHP",
        "Complementary attention head pruning: heads that tell classes apart in the same way are grouped and one of "
        "each group is kept; as a criterion, the share of all numbers of heads at which it keeps a head.",
        ("complementarity", "knee", "signature"),
    ),
    "calibration_draw": Term(
        "Calibration draw",
        "One random choice of a calibration set; several show how much scores depend on luck.",
        ("calibration_set", "stability"),
    ),
    "calibration_set": Term(
        "Calibration set",
        "The examples from which scores are computed; never the ones on which quality is reported.",
        ("calibration_draw",),
    ),
    "chance_line": Term(
        "Chance line",
        "What a control with no information gets (random masks for quality, unrelated sets of the same sizes "
        "for overlap), drawn beside every curve it could explain.",
        ("control", "overlap"),
    ),
    "cka": Term(
        "CKA",
        "Centred kernel alignment, a similarity from 0 to 1 between two sets of activations on the same "
        "examples that ignores rotation and scale.",
        ("recovery",),
    ),
    "cluster": Term(
        "Cluster",
        "A group of heads that k-medoids puts together because they separate the classes alike.",
        ("medoid", "k_medoids", "separability"),
    ),
    "coalition": Term(
        "Coalition",
        "A set of heads that are on together, the unit over which Shapley values average.",
        ("shapley",),
    ),
    "complementarity": Term(
        "Complementarity",
        "The property of a set of heads that its members do different things; CAHP keeps one head per cluster "
        "to get it.",
        ("cluster", "representative"),
    ),
    "confidence_interval": Term(
        "Confidence interval",
        "The range that covers the true value in 95 % of repeats, from Wilson's formula for shares and a "
        "seeded bootstrap for the rest.",
        ("bootstrap",),
    ),
    "confusion_matrix": Term(
        "Confusion matrix",
        "How many examples of each true label (rows) the model gives each label (columns); what is right stands on "
        "the diagonal.",
        ("recall", "accuracy"),
    ),
    "constant_classifier": Term(
        "Constant classifier",
        "One that always answers the commonest label; a model at its quality has learned nothing visible.",
        ("agreement", "macro_f1"),
    ),
    "control": Term(
        "Control",
        "A mask of the same size chosen without the idea under test (random, top salience, random per "
        "cluster, medoids).",
        ("chance_line", "random"),
    ),
    "criterion": Term(
        "Criterion",
        "A rule that gives every head a number, larger = more worth keeping.",
        ("importance", "ranking"),
    ),
    "curvature": Term(
        "Curvature",
        "How sharply the loss bends when a gate moves; approximated by Fisher.",
        ("fisher",),
    ),
    "degree": Term(
        "Degree",
        "The order of the polynomial fitted to the MSS curve; it moves the knee and so the kept share.",
        ("knee", "mss"),
    ),
    "entropy": Term(
        "Entropy",
        "One minus the min-max normalised attention entropy, so that focused heads are kept; with the option keep set "
        "to diffuse, the other way round.",
        ("attention_entropy", "hies"),
    ),
    "evaluation": Term(
        "Evaluation",
        "One pass over data with a mask, giving metrics, predictions and losses per example.",
        ("paired_difference", "mask"),
    ),
    "feature_space": Term(
        "No reduction",
        "Heads are clustered by their distances as they are, without a plane; the picture is for looking only.",
        ("tsne_plane", "principal_coordinates"),
    ),
    "fingerprint": Term(
        "Fingerprint",
        "16 hex digits that identify exact weights or exact data.",
        ("provenance",),
    ),
    "fisher": Term(
        "Fisher",
        "The mean squared gate gradient per head, a second-order estimate of what removing it costs.",
        ("gate_gradient", "his"),
    ),
    "flip": Term(
        "Flip",
        "An example whose prediction a mask changes: broken if it was right before, mended if it is right now, moved "
        "if it goes from one wrong label to another.",
        ("agreement", "confusion_matrix"),
    ),
    "flops": Term(
        "FLOPs",
        "Multiply-adds counted twice, per token, from shapes and not from a clock.",
        ("pruning",),
    ),
    "focused": Term(
        "Focused / diffuse",
        "A head of low / high attention entropy.",
        ("attention_entropy",),
    ),
    "freezing_threshold": Term(
        "Freezing threshold",
        "The importance below which SAFE stops training an adapter; it rises along a cubic schedule after the "
        "warm-up, and what is frozen stays frozen.",
        ("warm_up", "adapter"),
    ),
    "frozen_prefix": Term(
        "Frozen prefix",
        "The blocks below the lowest one that still trains: no gradient passes there, so only they save activations "
        "when their adapters are frozen.",
        ("adapter", "saved_activations"),
    ),
    "gate": Term(
        "Gate",
        "A number multiplied on one head's output before the output projection: 1 leaves it, 0 removes it.",
        ("gate_gradient", "mask"),
    ),
    "gate_gradient": Term(
        "Gate gradient",
        "The derivative of one example's loss with respect to one head's gate, signed; positive means that "
        "turning the head up would raise the loss.",
        ("gate", "his"),
    ),
    "gqa": Term(
        "GQA (grouped-query attention)",
        "Several query heads share one key and value head; a gate still belongs to one query head.",
        ("kv_group",),
    ),
    "gqa_pruning": Term(
        "Cutting grouped heads",
        "Of heads that share keys and values, *groups* frees a group once all its heads are cut and writes zeros for "
        "them until then; *exact* cuts every head and repeats keys and values where groups become unequal; *folded* "
        "keeps all shapes, with zeros.",
        ("gqa", "pruning"),
    ),
    "head": Term(
        "Head",
        "One of the parallel attention units of a layer, named L3H7 (layer 3, head 7, both from 0).",
        ("gate", "attention_map"),
    ),
    "head_mask": Term(
        "Head mask",
        "The mask written as numbers, 1 keeps and 0 cuts, the way other tools exchange it.",
        ("mask",),
    ),
    "hies": Term(
        "HIES",
        "Alpha times min-max normalised HIS plus (1 - alpha) times one minus min-max normalised attention "
        "entropy, so that focused heads gain (arXiv 2510.13832, section 4.1).",
        ("his", "attention_entropy", "alpha"),
    ),
    "his": Term(
        "HIS (head importance score)",
        "The mean over examples of the absolute gate gradient (Michel et al. 2019), a first-order estimate of "
        "how much the loss depends on a head.",
        ("gate_gradient", "fisher", "hies"),
    ),
    "importance": Term(
        "Importance",
        "Any estimate of what removing a head costs; say which (HIS, Fisher, ablation) wherever a number stands.",
        ("his", "fisher", "ablation"),
    ),
    "induction_head": Term(
        "Induction head",
        "A head that finds an earlier occurrence of the current token and attends to what followed it.",
        ("attention_map",),
    ),
    "integrated_gradients": Term(
        "Integrated gradients",
        "A head's share of the loss difference between all gates 0 and all gates 1, by averaging gradients "
        "along the way.",
        ("ablation", "shapley", "gate"),
    ),
    "jaccard": Term(
        "Jaccard index",
        "The size of what two sets share divided by the size of their union, 1 for equal sets.",
        ("overlap",),
    ),
    "jensen_shannon": Term(
        "Jensen-Shannon distance",
        "How differently two heads attend on average, whatever the classes: 0 for the same mean map, 1 for nothing "
        "in common.",
        ("signature", "jm_distance"),
    ),
    "jm_distance": Term(
        "Jeffries-Matusita (JM) distance",
        "How well one attention cell tells two classes apart, from their means and variances, 0 for alike up "
        "to a fixed ceiling.",
        ("separability", "signature"),
    ),
    "k_medoids": Term(
        "k-medoids",
        "Clustering around actual members (medoids), minimising the summed distance of heads to theirs; "
        "FasterPAM is a fast exact-swap algorithm for it.",
        ("medoid", "total_deviation"),
    ),
    "kendall_tau": Term(
        "Kendall tau",
        "How often two rankings agree on which of two heads stands higher, from -1 to 1.",
        ("ranking", "stability"),
    ),
    "kept_share": Term(
        "Kept share",
        "Kept heads divided by all heads; *pruned share* or *sparsity* is 1 minus it.",
        ("sparsity", "pruning"),
    ),
    "knee": Term(
        "Knee",
        "Where a curve stops gaining quickly, found as the largest gap between the normalised fit and the "
        "diagonal (Kneedle).",
        ("degree", "mss", "noise_curve"),
    ),
    "kv_group": Term(
        "KV group",
        "The query heads that share one key/value head; its memory is freed only if all of them go.",
        ("gqa", "pruning"),
    ),
    "layer_guard": Term(
        "Layer guard",
        "The rule that every layer keeps at least one head; heads it brings back are *rescued*.",
        ("representative", "knee"),
    ),
    "lock": Term(
        "Lock",
        "A hand-set rule on a head, always pruned or never pruned, that every preset obeys.",
        ("mask",),
    ),
    "lora": Term(
        "LoRA",
        "A trainable low-rank update added to a frozen weight, which can be merged into it afterwards.",
        ("adapter", "recovery"),
    ),
    "loss": Term(
        "Loss",
        "The model's own training loss per example; for causal language models the mean over its predicted tokens.",
        ("perplexity", "gate_gradient"),
    ),
    "loss_slice": Term(
        "Loss slice",
        "The loss along a random direction through the weights, each row of it as long as that row of weights; one "
        "direction alone says little about how flat the loss is.",
        ("recovery",),
    ),
    "macro_f1": Term(
        "Macro-F1",
        "The mean of the per-class F1 scores, every class counting the same.",
        ("accuracy", "matthews"),
    ),
    "mask": Term(
        "Mask",
        "The yes/no choice, per head, of what is kept; shape (L, H), true = kept.",
        ("head_mask", "kept_share", "pruning"),
    ),
    "matthews": Term(
        "MCC (Matthews correlation)",
        "Agreement of predictions and labels from -1 to 1, 0 for chance, fair under unequal classes.",
        ("accuracy", "macro_f1"),
    ),
    "mcnemar": Term(
        "McNemar test",
        "Whether two masks differ in accuracy, judged only from the examples that one gets right and the other wrong.",
        ("paired_difference",),
    ),
    "medoid": Term(
        "Medoid",
        "The member of a cluster with the least summed distance to the others.",
        ("k_medoids", "representative"),
    ),
    "mss": Term(
        "MSS (mean simplified silhouette)",
        "How much closer a head's own medoid is than the other medoids, averaged over heads; near 1 = clear clusters.",
        ("silhouette", "knee"),
    ),
    "noise_curve": Term(
        "Noise curve",
        "The same pipeline run on matched random features, to show which knee appears with nothing to find.",
        ("knee", "chance_line"),
    ),
    "overlap": Term(
        "Overlap",
        "Heads two masks both keep, as a Jaccard index, read beside its chance line.",
        ("jaccard", "chance_line"),
    ),
    "paired_difference": Term(
        "Paired difference",
        "The change in a metric between two masks on the same examples, whose interval is narrower than the "
        "difference of two intervals.",
        ("confidence_interval", "mcnemar"),
    ),
    "perplexity": Term(
        "Perplexity",
        "The exponential of the mean loss per token over the whole data, weighting each token equally.",
        ("loss",),
    ),
    "plan": Term(
        "Plan",
        "CAHP's result: clusters, curve, knee and mask, from which another degree is one instant step.",
        ("cluster", "knee", "degree"),
    ),
    "predicted_change": Term(
        "Predicted change",
        "What stored gradients say a mask or an edit will do to the loss, to second order (with curvature); always "
        "marked as a prediction until measured.",
        ("gate_gradient", "curvature", "evaluation"),
    ),
    "principal_coordinates": Term(
        "Principal coordinates",
        "The plane that keeps the distances between heads best in a straight projection; it has no seed.",
        ("tsne_plane",),
    ),
    "proof": Term(
        "Proof",
        "Logits of a pruned, saved or exported model compared with the masked one's, text by text on the same data.",
        ("agreement", "pruning"),
    ),
    "provenance": Term(
        "Provenance",
        "The record of model, data, options, versions and time that lets someone else make the same numbers.",
        ("fingerprint",),
    ),
    "proximity_bias": Term(
        "Proximity bias",
        "The tendency of gradient scores to keep heads near the output; read from the mean depth of kept heads.",
        ("his", "gate_gradient"),
    ),
    "pruning": Term(
        "Pruning",
        "Removing heads for good; *masking* sets gates to 0 and leaves the weights, *physical pruning* makes "
        "the weights smaller.",
        ("mask", "kept_share"),
    ),
    "random": Term(
        "Random",
        "A seeded random order of all heads, the control every criterion has to beat.",
        ("control", "chance_line"),
    ),
    "ranking": Term(
        "Ranking",
        "All heads in order of a criterion, place 0 = cut first.",
        ("criterion", "kendall_tau"),
    ),
    "recall": Term(
        "Recall",
        "The share of the examples of one true label on which the model predicts that label.",
        ("confusion_matrix", "macro_f1"),
    ),
    "recovery": Term(
        "Recovery",
        "Training after the cut to win quality back.",
        ("adapter", "lora"),
    ),
    "report_split": Term(
        "Report split",
        "The examples on which the final figure of a mask is measured, once; nothing is scored or chosen on them.",
        ("selection_split", "evaluation"),
    ),
    "representative": Term(
        "Representative",
        "The head that stands for its cluster in the mask, by salience unless chosen otherwise.",
        ("cluster", "salience", "medoid"),
    ),
    "salience": Term(
        "Salience",
        "The importance CAHP uses to pick representatives, taken from the same gradients as HIS.",
        ("his", "representative"),
    ),
    "saved_activations": Term(
        "Saved activations",
        "What the forward pass keeps in memory for the backward pass, most of the memory of training.",
        ("frozen_prefix", "recovery"),
    ),
    "selection_split": Term(
        "Selection split",
        "The examples on which masks are compared while one is chosen; the chosen mask looks better on them than it "
        "is.",
        ("report_split", "calibration_set"),
    ),
    "separability": Term(
        "Separability",
        "A head's vector of JM distances over class pairs and cells; heads with like vectors are redundant.",
        ("jm_distance", "cluster"),
    ),
    "shapley": Term(
        "Shapley value",
        "A head's average effect on the loss over random orders of adding heads.",
        ("coalition", "ablation"),
    ),
    "signature": Term(
        "Signature",
        "A head's attention maps resized to one grid x grid size without padding, summarised by mean and "
        "variance per class.",
        ("separability", "attention_map"),
    ),
    "silhouette": Term(
        "Silhouette",
        "How much nearer a point lies to its own cluster than to the next, from -1 to 1.",
        ("mss",),
    ),
    "sparsity": Term(
        "Sparsity",
        "The share of heads that are cut; say *of heads*, since the share of parameters is smaller.",
        ("kept_share",),
    ),
    "stability": Term(
        "Stability",
        "How alike two rankings or masks from different calibration draws are (Kendall tau, Jaccard).",
        ("calibration_draw", "kendall_tau", "jaccard"),
    ),
    "subject": Term(
        "Subject",
        "A loaded model with its processor, task and labels, read-only.",
        ("fingerprint",),
    ),
    "sweep": Term(
        "Sweep",
        "Quality for many criteria, shares and repeats, kept on disk and resumable.",
        ("evaluation",),
    ),
    "total_deviation": Term(
        "Total deviation",
        "The summed distance of all heads to their medoids, what k-medoids minimises.",
        ("k_medoids", "medoid"),
    ),
    "tsne_plane": Term(
        "t-SNE plane",
        "A two-dimensional picture of separability space that keeps near neighbours near; distances across it "
        "mean little.",
        ("separability",),
    ),
    "warm_up": Term(
        "Warm-up",
        "The first part of SAFE training, in which all adapters train and their importance is watched.",
        ("freezing_threshold",),
    ),
    "weight_l2": Term(
        "Weight norm",
        "The Euclidean norm of a head's own projection weights, a score that needs no data.",
        ("criterion",),
    ),
}

_ALSO: dict[str, str] = {
    "ae": "attention_entropy",
    "diffuse": "focused",
    "grouped_query_attention": "gqa",
    "guard": "layer_guard",
    "head_importance_score": "his",
    "jaccard_index": "jaccard",
    "jeffries_matusita_distance": "jm_distance",
    "masking": "pruning",
    "matthews_correlation": "matthews",
    "mcc": "matthews",
    "mean_simplified_silhouette": "mss",
    "physical_pruning": "pruning",
    "pruned_share": "sparsity",
    "shapley_value": "shapley",
    "weight_norm": "weight_l2",
}


class Glossary(Mapping[str, Term]):
    """Key -> `Term`, in alphabetical order of the keys."""

    def __getitem__(self, key: str) -> Term:
        return _TERMS[_ALSO.get(key, key)]

    def __contains__(self, key: object) -> bool:
        return key in _TERMS or key in _ALSO

    def __iter__(self) -> Iterator[str]:
        return iter(_TERMS)

    def __len__(self) -> int:
        return len(_TERMS)


glossary = Glossary()
