"""ELECTRA: BERT's encoder behind embeddings of another width."""

from dataclasses import replace

from headviz.families.bert import BERT
from headviz.families.family import families

families.register("electra", replace(BERT, name="electra", title="ELECTRA"))
