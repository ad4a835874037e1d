"""RoBERTa and XLM-RoBERTa: BERT's encoder under names of their own."""

from dataclasses import replace

from headviz.families.bert import BERT
from headviz.families.family import families

families.register("roberta", replace(BERT, name="roberta", title="RoBERTa"))
families.register("xlm-roberta", replace(BERT, name="xlm-roberta", title="XLM-RoBERTa"))
