"""Where each architecture keeps its heads: one file per family, a table of names. A new one is a file and a line."""

from headviz.families import albert, bert, distilbert, electra, gpt2, llama, roberta, vit
from headviz.families.family import AttentionUse, Family, families, family_of

__all__ = [
    "AttentionUse",
    "Family",
    "albert",
    "bert",
    "distilbert",
    "electra",
    "families",
    "family_of",
    "gpt2",
    "llama",
    "roberta",
    "vit",
]
