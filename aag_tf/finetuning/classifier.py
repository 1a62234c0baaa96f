"""What stands beside the classifier on disk: its classes, its temperature, how images are read, how good it is."""

from aag_tf.evaluation.measure import Measure
from aag_tf.finetuning.figures import FINE_TUNED
from aag_tf.finetuning.labels import LabeledImages
from aag_tf.finetuning.record import Finetuning
from aag_tf.finetuning.results import AFTER
from aag_tf.runs.classifier_record import ClassifierRecord, Figure


def classifier_record(result: Finetuning, labels: LabeledImages) -> ClassifierRecord:
    """Returns what stands beside the classifier."""
    split = f"{labels.reported_split} split of {len(labels.reported):,} images"
    accuracy, balanced = (figure(measure) for measure in result.results[0].measures)
    after = result.calibration[FINE_TUNED][AFTER]
    figures = {f"accuracy, {split}": accuracy, "balanced accuracy": balanced, "calibration error": figure(after.error)}
    figures |= {f"accuracy of the {each.features}": figure(each.measures[0]) for each in result.results[1:]}
    return ClassifierRecord(
        class_names=labels.class_names,
        temperature=after.temperature,
        image_shape=labels.image_shape,
        reading=labels.source.reading,
        encoder=result.encoder,
        dataset=labels.source.name,
        figures=figures,
    )


def figure(measure: Measure) -> Figure:
    """Returns a share with its interval for a model card."""
    return Figure(value=measure.value, low=measure.low, high=measure.high)
