"""Tasks: what an example looks like to a model, its loss, its metrics. One file a task, one line here each."""

from headviz.errors import LoadError
from headviz.registry import Registry
from headviz.tasks.task import Metric, Task
from headviz.tasks.text_classification import TEXT_CLASSIFICATION

tasks: Registry[Task] = Registry("task", LoadError)
tasks.register(TEXT_CLASSIFICATION.name, TEXT_CLASSIFICATION)

__all__ = ["Metric", "Task", "tasks"]
