"""Tasks: what an example looks like to a model, its loss, its metrics. One file a task, one line here each."""

from headviz.errors import LoadError
from headviz.registry import Registry
from headviz.tasks.causal_lm import CAUSAL_LM
from headviz.tasks.image_classification import IMAGE_CLASSIFICATION
from headviz.tasks.task import Metric, Task
from headviz.tasks.text_classification import TEXT_CLASSIFICATION

tasks: Registry[Task] = Registry("task", LoadError)
for _task in (TEXT_CLASSIFICATION, CAUSAL_LM, IMAGE_CLASSIFICATION):
    tasks.register(_task.name, _task)

__all__ = ["Metric", "Task", "tasks"]
