"""headviz: see what each attention head of a transformer is worth, cut, check, and take the mask home.

``import headviz as hv`` stays light: each public name is imported from its module on first use, so that neither
torch, transformers, captum nor streamlit is loaded before it is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# public name -> the module that defines it
_PUBLIC = {
    "HeadvizError": "errors",
    "LoadError": "errors",
    "DataError": "errors",
    "ScoreError": "errors",
    "MaskError": "errors",
    "ExportError": "errors",
    "RunError": "errors",
    "Cancelled": "errors",
    "Subject": "subject",
    "load": "subject",
    "Data": "data",
    "Example": "data",
    "load_data": "data",
    "Scores": "scores",
    "score": "scores",
    "open_scores": "scores",
    "Criterion": "importance",
    "HeadScores": "importance",
    "criteria": "importance",
    "Mask": "mask",
    "select": "selection",
    "save_masked": "saving",
    "export_onnx": "onnx_export",
    "Proof": "proof",
    "verify": "proof",
    "prune": "pruning",
    "save_pruned": "pruned_folder",
    "load_pruned": "pruned_folder",
    "Signatures": "complementarity.signature",
    "signatures": "complementarity.signature",
    "open_signatures": "complementarity.signature",
    "distances": "complementarity.distance",
    "spaces": "complementarity.space",
    "k_medoids": "complementarity.medoids",
    "simplified_silhouette": "complementarity.silhouette",
    "find_knee": "complementarity.knee",
    "pick_heads": "complementarity.representatives",
    "Plan": "complementarity.plan",
    "cahp": "complementarity.cahp",
    "open_plan": "complementarity.plan",
    "Recovery": "recovery",
    "recover": "recovery",
    "Estimate": "stats",
    "Evaluation": "evaluation",
    "evaluate": "evaluation",
    "attention_entropy": "entropy",
}

__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from headviz.complementarity.cahp import cahp as cahp
    from headviz.complementarity.distance import distances as distances
    from headviz.complementarity.knee import find_knee as find_knee
    from headviz.complementarity.medoids import k_medoids as k_medoids
    from headviz.complementarity.plan import Plan as Plan
    from headviz.complementarity.plan import open_plan as open_plan
    from headviz.complementarity.representatives import pick_heads as pick_heads
    from headviz.complementarity.signature import Signatures as Signatures
    from headviz.complementarity.signature import open_signatures as open_signatures
    from headviz.complementarity.signature import signatures as signatures
    from headviz.complementarity.silhouette import simplified_silhouette as simplified_silhouette
    from headviz.complementarity.space import spaces as spaces
    from headviz.data import Data as Data
    from headviz.data import Example as Example
    from headviz.data import load_data as load_data
    from headviz.entropy import attention_entropy as attention_entropy
    from headviz.errors import Cancelled as Cancelled
    from headviz.errors import DataError as DataError
    from headviz.errors import ExportError as ExportError
    from headviz.errors import HeadvizError as HeadvizError
    from headviz.errors import LoadError as LoadError
    from headviz.errors import MaskError as MaskError
    from headviz.errors import RunError as RunError
    from headviz.errors import ScoreError as ScoreError
    from headviz.evaluation import Evaluation as Evaluation
    from headviz.evaluation import evaluate as evaluate
    from headviz.importance import Criterion as Criterion
    from headviz.importance import HeadScores as HeadScores
    from headviz.importance import criteria as criteria
    from headviz.mask import Mask as Mask
    from headviz.onnx_export import export_onnx as export_onnx
    from headviz.proof import Proof as Proof
    from headviz.proof import verify as verify
    from headviz.pruned_folder import load_pruned as load_pruned
    from headviz.pruned_folder import save_pruned as save_pruned
    from headviz.pruning import prune as prune
    from headviz.recovery import Recovery as Recovery
    from headviz.recovery import recover as recover
    from headviz.saving import save_masked as save_masked
    from headviz.scores import Scores as Scores
    from headviz.scores import open_scores as open_scores
    from headviz.scores import score as score
    from headviz.selection import select as select
    from headviz.stats import Estimate as Estimate
    from headviz.subject import Subject as Subject
    from headviz.subject import load as load


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'headviz' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"headviz.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
