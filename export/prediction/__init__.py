"""Bulk prediction: the classes of any number of images to CSV and Parquet files, in bounded memory."""

from aag_tf.export.prediction.predict import PredictReport, predict

__all__ = ["PredictReport", "predict"]
