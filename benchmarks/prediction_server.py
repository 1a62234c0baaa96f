"""TensorFlow Serving's gRPC service `PredictionService` over a SavedModel, with its own protocol buffers.

    python benchmarks/prediction_server.py SAVED_MODEL PORT

A substitute to measure and test clients without TensorFlow Serving: each request becomes one call of the signature,
without batching. Not for production.
"""

import sys
from concurrent import futures
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

LARGEST_MESSAGE = 256 * 2**20
MESSAGE_SIZES = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
]


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, saved_model: str) -> None:
        self._loaded = tf.saved_model.load(saved_model)

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        signature = self._loaded.signatures[request.model_spec.signature_name or "serving_default"]
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        response = predict_pb2.PredictResponse()
        try:
            for name, value in signature(**inputs).items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error).splitlines()[0])
        return response


def main(saved_model: str, port: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(4), options=MESSAGE_SIZES)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(saved_model), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
